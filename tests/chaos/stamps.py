"""
Blocks that say what they are: each 512-byte sector carries who wrote it, where and when.

A *tag* is the number of the volume in the upper half and the number of the write in the lower; 0
means zeros.  A *vector* is the tags of a block's eight sectors.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

BLOCK = 4096
SECTOR = 512
SECTORS = BLOCK // SECTOR
WHOLE = (1 << SECTORS) - 1

Vector = tuple[int, ...]
ZEROS: Vector = (0,) * SECTORS

_ZERO_BLOCK = bytes(BLOCK)
_ZERO_SECTOR = bytes(SECTOR)
_MAGIC = b"chaos\x00\x01\x02"
_FRONT = struct.Struct("<8sQQI")  # magic, tag, block, sector
_SUM = struct.Struct("<I")
_FILL = SECTOR - _FRONT.size - _SUM.size


class BadStamp(Exception):
    """
    A sector that nobody wrote there.
    """


def tag(volume: int, number: int) -> int:
    """
    The tag of a volume's write.
    """
    return volume << 32 | number


def told(value: int) -> str:
    """
    A tag in words.
    """
    return f"write {value & 0xFFFFFFFF} of volume {value >> 32}" if value else "zeros"


@lru_cache(8192)
def sector(value: int, block: int, number: int) -> bytes:
    """
    One sector; zeros for tag 0.
    """
    if not value:
        return _ZERO_SECTOR
    front = _FRONT.pack(_MAGIC, value, block, number)
    front += bytes(((value * 31 + block * 7 + number) & 0xFF,)) * _FILL
    return front + _SUM.pack(zlib.crc32(front))


def stamp(value: int, block: int) -> bytes:
    """
    A whole block.
    """
    return b"".join(sector(value, block, number) for number in range(SECTORS))


def vector(data: bytes | memoryview, block: int) -> Vector:
    """
    The tags in a block's data.  Raises BadStamp when a sector is torn, or belongs elsewhere.
    """
    if data == _ZERO_BLOCK:
        return ZEROS
    return tuple(
        _tag_in(bytes(data[number * SECTOR : (number + 1) * SECTOR]), block, number)
        for number in range(SECTORS)
    )


def _tag_in(data: bytes, block: int, number: int) -> int:
    if data == _ZERO_SECTOR:
        return 0
    magic, value, written_at, written_in = _FRONT.unpack_from(data)
    front = data[: -_SUM.size]
    if magic != _MAGIC or _SUM.unpack(data[-_SUM.size :])[0] != zlib.crc32(front):
        raise BadStamp(f"block {block} sector {number}: torn or no stamp: {data[:40].hex()}")
    if (written_at, written_in) != (block, number):
        raise BadStamp(
            f"block {block} sector {number}: holds block {written_at} sector {written_in}, "
            f"{told(value)}"
        )
    return int(value)
