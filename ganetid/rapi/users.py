"""
Who may use the remote API: Ganeti's users file, and a check that takes the same time for all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from twisted.logger import Logger

from ganetid.rapi.rights import READ, WRITE

__all__ = ["READ", "REALM", "WRITE", "User", "Users", "basic_credentials", "parse_users"]

REALM = "Ganeti Remote API"


@frozen
class User:
    """
    A user of the API.

    secret: the password, or with scheme ``ha1`` the hex MD5 of user:realm:password.
    """

    name: str
    scheme: str
    secret: str
    rights: frozenset[str]

    def accepts(self, password: str) -> bool:
        """Whether this is the user's password; whatever it is, in the same time."""
        hashed = hashlib.md5(  # noqa: S324  # Ganeti's file format prescribes it
            f"{self.name}:{REALM}:{password}".encode()
        ).hexdigest()
        offered = {"ha1": hashed, "cleartext": password}.get(self.scheme, "")
        wanted = self.secret.lower() if self.scheme == "ha1" else self.secret
        fits = hmac.compare_digest(_digest(offered), _digest(wanted))
        return fits and self.scheme in {"ha1", "cleartext"}


def _digest(text: str) -> bytes:
    """Of one length for every text, so that comparing tells nothing of the length."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def parse_users(text: str) -> dict[str, User]:
    """The users of a file: lines of ``name password [options]``; see rights.py for options."""
    users: dict[str, User] = {}
    for line in text.splitlines():
        words = line.split(None, 2)
        if len(words) < 2 or words[0].startswith("#"):
            continue
        scheme, secret = _secret(words[1])
        options = words[2].split(",") if len(words) > 2 else ()
        rights = frozenset(filter(None, map(str.strip, options)))
        users[words[0]] = User(words[0], scheme, secret, rights)
    return users


def _secret(word: str) -> tuple[str, str]:
    """(scheme, secret) of a password in the file; nobody knows the scheme of half a brace."""
    if not word.startswith("{"):
        return "cleartext", word
    scheme, brace, secret = word[1:].partition("}")
    return (scheme.lower(), secret) if brace and secret else ("", "")


class Users:
    """The users file; read again when it has changed."""

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._users: Mapping[str, User] = {}

    def reload(self) -> None:
        """Read the file again for the next request, also if it looks the same."""
        self._seen = None

    def user_of(self, name: str, password: str) -> User | None:
        """The user of this name, None unless the password is right."""
        user = self._current().get(name)
        if user is None:
            _NOBODY.accepts(password)
            return None
        return user if user.accepts(password) else None

    def _current(self) -> Mapping[str, User]:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                self._users = parse_users(self._path.read_text(encoding="utf-8"))
                self._seen = seen
                self._log.info("{count} users read from {path}", count=len(self._users),
                               path=str(self._path))  # fmt: skip
        except (OSError, UnicodeDecodeError) as error:
            if self._seen is not None or not self._users:
                self._log.warn("no users: {error}", error=error)
            self._users, self._seen = {}, None
        return self._users


def basic_credentials(header: str) -> tuple[str, str] | None:
    """(user, password) of a Basic Authorization header, None for anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


_NOBODY = User("", "cleartext", "nobody has this password", frozenset())
