"""
A second factor that is being enrolled: its secret waits with the person, sealed for us, until a
code shows that it has arrived.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.people.errors import BadField

LASTS_S = 900
_KIND = "factor"


@frozen
class EnrolmentBox:
    """
    clock: seconds since the epoch.
    """

    _box: SecretBox
    _clock: Callable[[], float]

    def seal(self, user_id: str, secret: str) -> str:
        """
        Good for a quarter of an hour, for this user.
        """
        told = (user_id, secret, int(self._clock()) + LASTS_S)
        return self._box.seal_value(_KIND, told)

    def open(self, text: str, user_id: str) -> str:
        """
        The secret.  Raises BadField.
        """
        try:
            owner, secret, ends_at = self._box.open_value(_KIND, text, tuple[str, str, int])
        except SecretGarbled as error:
            raise BadField("ticket", "is none of ours") from error
        if owner != user_id or ends_at <= self._clock():
            raise BadField("ticket", "is another's, or too old; begin again")
        return secret
