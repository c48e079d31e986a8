"""
Secrets that must be read again, such as those of EC2 credentials: sealed with keys of their own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

T = TypeVar("T")


class SecretGarbled(Exception):
    """
    A secret that none of our keys has sealed.
    """


class SecretBox:
    """
    Seals with the first of `keys`, and opens what any of them has sealed.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.use(keys)

    def use(self, keys: Sequence[bytes]) -> None:
        """
        From now on seal with the first of these, and open what any of these has sealed.
        """
        self.keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str) -> str:
        """
        The secret as text for the database.
        """
        return self._fernet.encrypt(secret.encode("utf-8", "surrogatepass")).decode("ascii")

    def open(self, sealed: str) -> str:
        """
        The secret again.  Raises SecretGarbled.
        """
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken as error:
            raise SecretGarbled from error

    def seal_value(self, kind: str, value: object) -> str:
        """
        A value of JSON, told apart from all else that our keys seal by its kind, a word.
        """
        return self.seal(f"{kind} {msgspec.json.encode(value).decode()}")

    def open_value(self, kind: str, sealed: str, type_: type[T]) -> T:
        """
        The value again.  Raises SecretGarbled, for another kind too.
        """
        try:
            said_kind, _, said = self.open(sealed).partition(" ")
            value = msgspec.json.decode(said, type=type_)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise SecretGarbled from error
        if said_kind != kind:
            raise SecretGarbled
        return value

    def mark(self, text: str) -> str:
        """
        60 letters that stand for the text, the same in all processes with our keys.  Who has no
        key can't find out what for, by guessing either.
        """
        data = text.encode("utf-8", "surrogatepass")
        return hmac.new(self.keys[0], b"mark" + data, hashlib.sha256).hexdigest()[:60]

    def seal_anew(self, sealed: str) -> str:
        """
        The same secret, sealed with the first key.  Raises SecretGarbled.
        """
        return self.seal(self.open(sealed))
