"""
Bearer tokens: who holds one is a user with the rights written down for it, until it expires.

The file holds only hashes.  A token is ``<id>.<secret>``; its secret has 256 random bits, so a
plain hash of it can't be searched.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
from attrs import frozen
from twisted.logger import Logger

SECRET_BYTES = 32


@frozen
class TokenRecord:
    """
    What is kept of a token.

    digest: SHA-256 of its secret, hex.  rights: words as in the users file.
    expires: seconds since the epoch; None: never.
    """

    id: str
    user: str
    digest: str
    rights: tuple[str, ...]
    created: float
    expires: float | None = None
    note: str = ""

    def accepts(self, secret: str, now: float) -> bool:
        """Whether this is its secret, and it is not too old."""
        offered = hashlib.sha256(secret.encode()).hexdigest()
        fits = hmac.compare_digest(offered, self.digest)
        return fits and (self.expires is None or now < self.expires)


def new_token(
    user: str, rights: tuple[str, ...], now: float, expires: float | None, note: str = ""
) -> tuple[str, TokenRecord]:
    """(the token to hand out, what is to be kept of it)."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    record = TokenRecord(secrets.token_hex(8), user, digest, rights, now, expires, note)
    return f"{record.id}.{secret}", record


class TokenFile:
    """The tokens on disk; read again when the file has changed."""

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._records: Mapping[str, TokenRecord] = {}

    def record_of(self, token: str, now: float) -> TokenRecord | None:
        """What is known of a valid token; None for any other."""
        name, _, secret = token.partition(".")
        record = self.records().get(name)
        if record is None:
            _NOBODY.accepts(secret, now)
            return None
        return record if record.accepts(secret, now) else None

    def records(self) -> Mapping[str, TokenRecord]:
        """All tokens by id, expired ones too."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._records, self._seen = {}, None
            return self._records
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != self._seen:
            self._read()
            self._seen = seen
        return self._records

    def add(self, record: TokenRecord) -> None:
        """Keep one more.  Blocks.  Raises OSError."""
        self._write({**self.records(), record.id: record})

    def revoke(self, name: str) -> bool:
        """Keep it no more; whether it was there.  Blocks.  Raises OSError."""
        records = dict(self.records())
        if records.pop(name, None) is None:
            return False
        self._write(records)
        return True

    def _read(self) -> None:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=list[TokenRecord])
        except (OSError, msgspec.MsgspecError) as error:
            self._log.warn("no tokens: {error}", error=error)
            found = []
        self._records = {record.id: record for record in found}

    def _write(self, records: Mapping[str, TokenRecord]) -> None:
        partial = self._path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(msgspec.json.encode(list(records.values())))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._path)
        self._seen = None


_NOBODY = TokenRecord("", "", hashlib.sha256(b"nobody").hexdigest(), (), 0.0)
