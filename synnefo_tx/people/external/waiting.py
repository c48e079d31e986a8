"""
A log-in while its browser is at the provider: sealed, in a cookie of that browser, so that
beginning one costs the cloud no memory, and nobody else can end it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec
from attrs import frozen

from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.people.external.errors import NotBelieved
from synnefo_tx.people.external.oidc.client import Begun

LASTS_S = 600
KIND = "log-in"
LONGEST_STATE = 128


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """
    adding_by: the token of the user who adds the log-in to an account, and which must be good still
    when the browser is back; "": whoever comes back logs in.  expires_at: seconds.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect_url: str
    adding_by: str
    expires_at: int

    @property
    def begun(self) -> Begun:
        return Begun(self.state, self.nonce, self.verifier, self.redirect_url)


@frozen
class WaitingBox:
    """
    clock: seconds since the epoch.
    """

    _box: SecretBox
    _clock: Callable[[], float]

    def seal(self, provider: str, begun: Begun, adding_by: str) -> str:
        """
        What the browser keeps.
        """
        waiting = Waiting(
            provider,
            begun.state,
            begun.nonce,
            begun.verifier,
            begun.redirect_url,
            adding_by,
            int(self._clock()) + LASTS_S,
        )
        return self._box.seal_value(KIND, waiting)

    def open(self, text: str, provider: str, state: str) -> Waiting:
        """
        The log-in that the browser brings back.  Raises NotBelieved.
        """
        try:
            waiting = self._box.open_value(KIND, text, Waiting)
        except SecretGarbled as error:
            raise NotBelieved("no cookie of ours") from error
        same = hmac.compare_digest(waiting.state.encode(), state.encode("utf-8", "replace"))
        if not (same and waiting.provider == provider):
            raise NotBelieved("another log-in")
        if waiting.expires_at < self._clock():
            raise NotBelieved("too late")
        return waiting


def cookie_name(state: str) -> str:
    """
    Each log-in has its own: a person may have begun several.
    """
    return f"log_in_{hashlib.sha256(state.encode('utf-8', 'replace')).hexdigest()[:12]}"
