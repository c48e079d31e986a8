"""
The names of content-addressed blocks.
"""

from __future__ import annotations

import hashlib

from archipelagod.wire.errors import BlockDamaged

EMPTY = hashlib.sha256().digest()
RENEW_S = 60.0  # a stamp older than this is renewed when the block is put again


def checked_content(key: bytes, content: bytes) -> bytes:
    """
    ``content``, if it is what the key says.  Raises BlockDamaged.
    """
    if hashlib.sha256(content).digest() != key:
        raise BlockDamaged(key.hex())
    return content
