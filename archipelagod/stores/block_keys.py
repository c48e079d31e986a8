"""
The names of content-addressed blocks.
"""

from __future__ import annotations

from archipelagod.wire.errors import BlockDamaged

EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
RENEW_S = 60.0  # a stamp older than this is renewed when the block is put again


def checked_content(key: bytes, content: bytes) -> bytes:
    """
    ``content``, if it is what the key says.  Raises BlockDamaged.
    """
    from hashlib import sha256  # brings OpenSSL: most workers never need it

    if sha256(content).digest() != key:
        raise BlockDamaged(key.hex())
    return content
