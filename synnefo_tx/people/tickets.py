"""
A ticket for signing the terms of use: for whoever has logged in by another provider, has no
password here, and gets no token before signing.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled

HEADER = "X-Sign-Ticket"
LASTS_S = 900
_KIND = "sign"


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
        return self._box.seal_value(_KIND, (user_id, int(self._clock()) + LASTS_S))

    def open(self, text: str) -> str:
        """
        Id of the user whose ticket it is.  Raises NotAuthenticated.
        """
        try:
            user_id, ends_at = self._box.open_value(_KIND, text, tuple[str, int])
        except SecretGarbled as error:
            raise NotAuthenticated from error
        if ends_at <= self._clock():
            raise NotAuthenticated
        return user_id
