"""
Tokens as text: sealed with Fernet, opened without asking the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from synnefo_tx.identity.faults import TokenExpired, TokenGarbled
from synnefo_tx.identity.keys import load_or_create_keys
from synnefo_tx.identity.token import Token

__all__ = ["ALLOW_EXPIRED_S", "TokenBox", "load_or_create_keys"]

ALLOW_EXPIRED_S = 2 * 24 * 3600  # how long past its end a service may still ask about a token
LONGEST_TEXT = 8192  # characters; far above any of ours, and cheap to refuse


def horizon_of(lifetime_s: int) -> int:
    """
    For how long a token that lives so long can be shown, seconds.
    """
    return lifetime_s + ALLOW_EXPIRED_S


class TokenBox:
    """
    Seals tokens with the first of `keys`, and opens those of all.

    clock: seconds since the epoch.  lifetime_s: how long a fresh token lives.
    """

    def __init__(
        self, keys: Sequence[bytes], clock: Callable[[], float], lifetime_s: int = 4 * 3600
    ) -> None:
        self.lifetime_s = lifetime_s
        self.horizon_s = horizon_of(lifetime_s)
        self._clock = clock
        self.use(keys)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Token)

    def use(self, keys: Sequence[bytes]) -> None:
        """
        From now on seal with the first of these, and open those of these alone.
        """
        self.keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, token: Token) -> str:
        """
        The token as text that is safe in a URL and a header.
        """
        return self._fernet.encrypt(self._encoder.encode(token)).rstrip(b"=").decode("ascii")

    def open(self, text: str, window_s: int = 0) -> Token:
        """
        What a text says.  Raises TokenGarbled or TokenExpired.

        window_s: how long past its end a token still counts, seconds.
        """
        if len(text) > LONGEST_TEXT:
            raise TokenGarbled
        padded = text + "=" * (-len(text) % 4)
        try:
            token = self._decoder.decode(self._fernet.decrypt(padded.encode("ascii")))
        except (InvalidToken, UnicodeEncodeError, msgspec.MsgspecError) as error:
            raise TokenGarbled from error
        if token.expires_at + window_s <= self._clock():
            raise TokenExpired
        return token
