"""
A second factor that is being enrolled: its secret waits with the person, sealed for us, until a
code shows that it has arrived.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from attrs import frozen

from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.people.errors import BadField

LASTS_S = 900
_KIND = "factor "  # the same keys seal other things


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
        return self._box.seal(f"{_KIND}{msgspec.json.encode(told).decode()}")

    def open(self, text: str, user_id: str) -> str:
        """
        The secret.  Raises BadField.
        """
        try:
            said = self._box.open(text)
            if not said.startswith(_KIND):
                raise BadField("ticket", "is none of ours")
            told = msgspec.json.decode(said.removeprefix(_KIND), type=tuple[str, str, int])
        except (SecretGarbled, msgspec.MsgspecError, UnicodeError) as error:
            raise BadField("ticket", "is none of ours") from error
        owner, secret, ends_at = told
        if owner != user_id or ends_at <= self._clock():
            raise BadField("ticket", "is another's, or too old; begin again")
        return secret
