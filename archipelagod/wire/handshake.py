"""
How both sides agree on a version and features, and prove that they know the shared secret, without
I/O.

The client sends what it speaks and a nonce (HELLO), the server answers with what it chose, its own
nonce and its proof, the client with its proof (AUTHENTICATE).  A proof is HMAC-SHA256 over a label
and everything that was said before, so none can be replayed or turned around, and nobody between
the two can change what they agree on.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from typing import NamedTuple

from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, NotAuthenticated
from archipelagod.wire.framing import MAX_DATA

NONCE_BYTES = 32
_RANGE = struct.Struct("<HH")
_HELLO = struct.Struct("<HHHHQ32s")
_WELCOME = struct.Struct("<HHIQ32s")
HELLO_BYTES = _HELLO.size
WELCOME_BYTES = _WELCOME.size
PROOF_BYTES = 32


class Welcome(NamedTuple):
    """
    What was agreed on: version, requests in work at a time, largest data of a frame, features.
    """

    version: int
    window: int
    max_data: int
    features: int


class Greeting(NamedTuple):
    """
    The server's answer to HELLO: its data, what was agreed on, and the proof that has to come.
    """

    data: bytes
    agreed: Welcome
    expected_proof: bytes


def fresh_nonce() -> bytes:
    """
    Random bytes for one handshake.
    """
    return secrets.token_bytes(NONCE_BYTES)


def hello(
    nonce: bytes,
    lowest: int = op.LOWEST_VERSION,
    highest: int = op.HIGHEST_VERSION,
    window: int = op.WINDOW,
    features: int = op.FEATURES,
) -> bytes:
    """
    Data of HELLO.
    """
    return _HELLO.pack(lowest, highest, window, 0, features, nonce)


def greet(secret: bytes, said: bytes, nonce: bytes) -> Greeting:
    """
    The server's answer to ``said``, the data of HELLO; longer data than ours is read as ours.

    Raises NotAuthenticated when it is malformed, BadRequest when there is no common version.
    """
    if len(said) < _RANGE.size:
        raise NotAuthenticated("malformed HELLO")
    lowest, highest = _RANGE.unpack_from(said)
    version = min(highest, op.HIGHEST_VERSION)
    if version < max(lowest, op.LOWEST_VERSION):
        ours = f"{op.LOWEST_VERSION} to {op.HIGHEST_VERSION}"
        raise BadRequest(f"versions {ours} are spoken here, not {lowest} to {highest}")
    if len(said) < HELLO_BYTES:
        raise NotAuthenticated("malformed HELLO")
    _, _, window, _, features, _ = _HELLO.unpack_from(said)
    window = max(1, min(window, op.WINDOW))
    agreed = Welcome(version, window, MAX_DATA, features & op.FEATURES)
    front = _WELCOME.pack(*agreed, nonce)
    data = front + proof(secret, b"server", said + front)
    return Greeting(data, agreed, proof(secret, b"client", said + front))


def answer(secret: bytes, said: bytes, data: bytes) -> tuple[Welcome, bytes]:
    """
    What was agreed on, and the data of AUTHENTICATE, in answer to ``data`` of the reply to HELLO.

    Raises NotAuthenticated when the server doesn't know the secret, or chose what was not offered.
    """
    if len(data) != WELCOME_BYTES + PROOF_BYTES:
        raise NotAuthenticated("malformed reply to HELLO")
    front, proven = data[:WELCOME_BYTES], data[WELCOME_BYTES:]
    if not hmac.compare_digest(proven, proof(secret, b"server", said + front)):
        raise NotAuthenticated("the server does not know our secret")
    version, window, max_data, features, _ = _WELCOME.unpack(front)
    lowest, highest, wanted, _, offered, _ = _HELLO.unpack_from(said)
    if not lowest <= version <= highest or not 1 <= window <= wanted or features & ~offered:
        raise NotAuthenticated("the server chose what was not offered")
    return Welcome(version, window, max_data, features), proof(secret, b"client", said + front)


def proof(secret: bytes, label: bytes, said: bytes) -> bytes:
    """
    32 bytes that only who knows ``secret`` can make.
    """
    return hmac.digest(secret, b"snf-block " + label + said, "sha256")
