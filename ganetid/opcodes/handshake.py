"""
How two clusters that share a secret know each other's words: Ganeti's remote export, version 0.

Pure functions.  Source: Ganeti 3.0.2, lib/masterd/instance.py and lib/utils/{x509,hash}.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError

VERSION = 0
GREETING = "Hi, I'm Ganeti"
HEADER = "X-Ganeti-Signature"
_HEX = "([0-9a-fA-F]+)"
_SIGNATURE = re.compile(rf"^{HEADER}:\s*{_HEX}/{_HEX}\s*$", re.MULTILINE | re.IGNORECASE)


@frozen
class Place:
    """Where a disk's content is awaited; magic: what is said first there."""

    host: str
    port: int
    magic: str


def salt() -> str:
    """A new one."""
    return secrets.token_hex(8)


def greeting(secret: str) -> list[Any]:
    """[version, digest, salt] that shows the other cluster that we know its secret."""
    fresh = salt()
    return [VERSION, _digest(secret, f"{VERSION}:{GREETING}", fresh), fresh]


def check_greeting(secret: str, given: Any) -> None:
    """Raises OpPrereqError unless the other cluster knows our secret and our version."""
    try:
        version, digest, fresh = given
    except (TypeError, ValueError) as error:
        raise _wrong(f"Invalid handshake: Invalid data: {error}") from None
    if not _matches(secret, f"{version}:{GREETING}", digest, fresh):
        raise _wrong(
            "Invalid handshake: Hash didn't match, clusters don't share the same domain secret"
        )
    if version != VERSION:
        raise _wrong(
            "Invalid handshake: Clusters don't have the same remote import/export protocol"
            f" (local={VERSION}, remote={version})"
        )


def signed_name(secret: str, name: str) -> list[str]:
    """[name of a key, digest, salt], so that we know it again when it comes back."""
    fresh = salt()
    return [name, _digest(secret, name, fresh), fresh]


def checked_name(secret: str, given: Any) -> str:
    """The name of a key of ours.  Raises OpPrereqError."""
    try:
        name, digest, fresh = given
    except (TypeError, ValueError) as error:
        raise _wrong(f"Invalid data for X509 key name: {error}") from None
    if not _matches(secret, str(name), digest, fresh):
        raise _wrong("HMAC for X509 key name is wrong")
    return str(name)


def signed_certificate(secret: str, pem: str) -> str:
    """A certificate with a header that shows who says so."""
    fresh = salt()
    return f"{HEADER}: {fresh}/{_digest(secret, pem, fresh)}\n\n{pem}"


def checked_certificate(secret: str, signed: str, whose: str) -> str:
    """The certificate, PEM.  whose: source or destination.  Raises OpPrereqError."""
    try:
        found = x509.load_pem_x509_certificate(signed[signed.index("-----BEGIN") :].encode())
    except ValueError as error:
        raise _wrong(f"Unable to load {whose} X509 CA ({error})") from None
    pem = found.public_bytes(Encoding.PEM).decode("ascii")
    signature = _SIGNATURE.search(signed.partition("-----BEGIN")[0])
    if signature is None:
        raise _wrong("X509 certificate signature is missing")
    if not _matches(secret, pem, signature[2], signature[1]):
        raise _wrong("X509 certificate signature is invalid")
    return pem


def signed_place(secret: str, index: int, place: Place) -> list[Any]:
    """[host, port, magic, digest, salt] for a disk."""
    fresh = salt()
    message = f"{index}:{place.host}:{place.port}:{place.magic}"
    return [place.host, place.port, place.magic, _digest(secret, message, fresh), fresh]


def checked_place(secret: str, index: int, given: Any) -> Place:
    """Where a disk goes.  Raises OpPrereqError."""
    trouble = f"Target info for disk {index}"
    try:
        host, port, magic, digest, fresh = given
    except (TypeError, ValueError) as error:
        raise _wrong(f"{trouble}: Invalid data: {error}") from None
    if not (host and port and magic):
        raise _wrong(f"{trouble}: Missing destination host, port or magic")
    if not _matches(secret, f"{index}:{host}:{port}:{magic}", digest, fresh):
        raise _wrong(f"{trouble}: HMAC is wrong")
    return Place(str(host), int(port), str(magic))


def magic_of(base: str, instance: str, index: int) -> str:
    """What is said first for a disk.  base: random, of the transfer."""
    words = f"{VERSION}{base}{instance}{index}"
    return hashlib.sha1(words.encode(), usedforsecurity=False).hexdigest()


def _digest(secret: str, message: str, fresh: str) -> str:
    return hmac.new(secret.encode(), f"{fresh}{message}".encode(), hashlib.sha1).hexdigest()


def _matches(secret: str, message: str, digest: Any, fresh: Any) -> bool:
    wanted = _digest(secret, message, str(fresh))
    return hmac.compare_digest(wanted, str(digest).lower().encode("ascii", "replace").decode())


def _wrong(message: str) -> OpPrereqError:
    return OpPrereqError(message, WRONG_INPUT)
