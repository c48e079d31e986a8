"""
How both sides prove that they know the shared secret, without I/O.

The client sends a version and a nonce (HELLO), the server answers with its own nonce and proof, the
client with its proof (AUTHENTICATE).  A proof is HMAC-SHA256 over a label and both nonces, so none
can be replayed, nor turned around.
"""

from __future__ import annotations

import hmac
import struct

from archipelagod.wire.errors import NotAuthenticated

NONCE_BYTES = 32
_HELLO = struct.Struct("<HH32s")  # lowest and highest version spoken, nonce
_WELCOME = struct.Struct("<HHI32s32s")  # version, window, largest data, nonce, proof


def proof(secret: bytes, label: bytes, client_nonce: bytes, server_nonce: bytes) -> bytes:
    """
    32 bytes that only who knows ``secret`` can make.
    """
    return hmac.digest(secret, b"snf-block " + label + client_nonce + server_nonce, "sha256")


def hello(version: int, nonce: bytes) -> bytes:
    """
    Data of HELLO.
    """
    return _HELLO.pack(version, version, nonce)


def read_hello(data: bytes) -> tuple[int, int, bytes]:
    """
    Lowest and highest version, and the nonce.  Raises NotAuthenticated.
    """
    try:
        lowest, highest, nonce = _HELLO.unpack(data)
    except struct.error:
        raise NotAuthenticated("malformed HELLO") from None
    return lowest, highest, nonce


def welcome(version: int, window: int, max_data: int, nonce: bytes, proven: bytes) -> bytes:
    """
    Data of the reply to HELLO.
    """
    return _WELCOME.pack(version, window, max_data, nonce, proven)


def answer(secret: bytes, client_nonce: bytes, data: bytes) -> bytes:
    """
    Data of AUTHENTICATE, in answer to ``data`` of the reply to HELLO.

    Raises NotAuthenticated when the server doesn't know the secret.
    """
    try:
        _, _, _, server_nonce, proven = _WELCOME.unpack(data)
    except struct.error:
        raise NotAuthenticated("malformed reply to HELLO") from None
    if not hmac.compare_digest(proven, proof(secret, b"server", client_nonce, server_nonce)):
        raise NotAuthenticated("the server does not know our secret")
    return proof(secret, b"client", client_nonce, server_nonce)
