"""
A ticket for signing the terms of use: for whoever has logged in by another provider, has no
password here, and gets no token before signing.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from attrs import frozen

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled

HEADER = "X-Sign-Ticket"
LASTS_S = 900
_KIND = "sign "  # the same keys seal other things


@frozen
class TicketBox:
    """
    clock: seconds since the epoch.
    """

    _box: SecretBox
    _clock: Callable[[], float]

    def seal(self, user_id: str) -> str:
        """
        Good for a quarter of an hour, for signing alone.
        """
        told = (user_id, int(self._clock()) + LASTS_S)
        return self._box.seal(f"{_KIND}{msgspec.json.encode(told).decode()}")

    def open(self, text: str) -> str:
        """
        Id of the user whose ticket it is.  Raises NotAuthenticated.
        """
        try:
            said = self._box.open(text)
            if not said.startswith(_KIND):
                raise NotAuthenticated
            told = msgspec.json.decode(said.removeprefix(_KIND), type=tuple[str, int])
        except (SecretGarbled, msgspec.MsgspecError, UnicodeError) as error:
            raise NotAuthenticated from error
        user_id, ends_at = told
        if ends_at <= self._clock():
            raise NotAuthenticated
        return user_id
