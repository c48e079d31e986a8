"""
Tokens that open one console once: made where somebody's right to it was checked, read by the proxy.

A token is ``<payload>.<proof>``, both in base64 for URLs: JSON, and its HMAC-SHA256 with a secret
that the two sides share.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Literal

import msgspec
from attrs import frozen

LABEL = b"ganetid console token 1\n"
LIFE_S = 60.0
LONGEST_LIFE_S = 3600.0  # whatever a token says
MAX_CHARACTERS = 2048
ID_BYTES = 16

Kind = Literal["vnc", "serial"]


class BadToken(Exception):
    """It opens nothing.  Says why, for the log alone."""


@frozen
class Ticket:
    """
    What a token says.

    id: no other token has it.  place: the console's unix socket on `node`.
    expires: seconds since the epoch.
    """

    id: str
    instance: str
    kind: Kind
    node: str
    place: str
    expires: float


def ticket(
    instance: str, kind: Kind, node: str, place: str, now: float, life_s: float = LIFE_S
) -> Ticket:
    """A new ticket."""
    return Ticket(secrets.token_hex(ID_BYTES), instance, kind, node, place, now + life_s)


def token_of(secret: bytes, shown: Ticket) -> str:
    """The ticket as a token."""
    payload = _coded(msgspec.json.encode(shown))
    return f"{payload}.{_coded(_proof(secret, payload))}"


def read_token(secret: bytes, token: str, node: str, now: float) -> Ticket:
    """
    The ticket in a token that is genuine, for this node, and not too old.  Raises BadToken.

    Whether it was used before is another question: see ``spent``.
    """
    if len(token) > MAX_CHARACTERS or not token.isascii():
        raise BadToken("not a token")
    payload, dot, proof = token.partition(".")
    expected = _coded(_proof(secret, payload))
    if not dot or not hmac.compare_digest(expected, proof):
        raise BadToken("not made with our secret")
    try:
        found = msgspec.json.decode(_decoded(payload), type=Ticket)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadToken("not a ticket") from error
    if not now < found.expires <= now + LONGEST_LIFE_S:
        raise BadToken("expired")
    if found.node != node:
        raise BadToken(f"for node {found.node}")
    if len(found.id) != 2 * ID_BYTES or set(found.id) - set("0123456789abcdef"):
        raise BadToken("without a proper id")
    return found


def _proof(secret: bytes, payload: str) -> bytes:
    if len(secret) < 16:
        raise ValueError("a secret of fewer than 16 bytes")
    return hmac.new(secret, LABEL + payload.encode("ascii"), hashlib.sha256).digest()


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64") from error
