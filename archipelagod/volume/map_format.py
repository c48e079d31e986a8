"""
A map as bytes: a header of 80 bytes, then one 8-byte slot per object, all little-endian.

A slot is 0 (reads as zeros) or the name of an object: session in the upper half, sequence in the
lower.  Sessions are numbered once for the whole store and never reused, so no name ever means two
objects.  A map owns the objects of session ``own_from`` and later: only it refers to them, it may
write them in place.  Earlier ones are shared, and copied before they change.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from typing import NamedTuple

MAGIC = b"SNFMAP\x00\x04"
OBJECT_SHIFT = 22
OBJECT_BYTES = 1 << OBJECT_SHIFT
MAX_VOLUME_BYTES = 1 << 46  # 64 TiB: a map of 128 MiB

READ_ONLY = 1

#: magic, flags, object shift, size, uid, family, parent, own_from, serial, own count,
#: created (microseconds), slot count, CRC-32 of the slots, spare, CRC-32 of all before it
_HEADER = struct.Struct("<8sHHQIIIIIQQIII8x")
_SUM = struct.Struct("<I")
HEADER_BYTES = 80


class DamagedMap(Exception):
    """
    The bytes are not a map, or not the map that was written.
    """


class Header(NamedTuple):
    """
    What is known of a volume apart from its objects.
    """

    size_bytes: int
    uid: int  # the session in which it was made; names its journal
    family: int  # uid of the first ancestor: only maps of one family share objects
    parent: int  # uid of the origin, 0 for none
    own_from: int  # the first session whose objects are this map's own
    created_us: int  # since 1970, UTC
    serial: int = 0  # one more with every rewrite; a journal belongs to one serial
    own_objects: int = 0
    is_read_only: bool = False


def encode(header: Header, slots: array[int]) -> bytes:
    """
    The map as it is stored.  Trailing zero slots are left out.
    """
    body = _stored(slots)
    front = _HEADER.pack(
        MAGIC,
        READ_ONLY if header.is_read_only else 0,
        OBJECT_SHIFT,
        header.size_bytes,
        header.uid,
        header.family,
        header.parent,
        header.own_from,
        header.serial,
        header.own_objects,
        header.created_us,
        len(body) // 8,
        zlib.crc32(body),
        0,
    )
    return front + _SUM.pack(zlib.crc32(front)) + body


def decode_header(data: bytes) -> Header:
    """
    The header at the start of ``data``.  Raises DamagedMap.
    """
    return _decode_front(data)[0]


def decode(data: bytes) -> tuple[Header, array[int]]:
    """
    Header and slots of a whole map.  Raises DamagedMap.
    """
    header, count, checksum = _decode_front(data)
    body = data[HEADER_BYTES:]
    if len(body) != count * 8 or zlib.crc32(body) != checksum:
        raise DamagedMap("slots damaged")
    slots = array("Q", body)
    if sys.byteorder == "big":
        slots.byteswap()
    return header, slots


def _stored(slots: array[int]) -> bytes:
    last = len(slots)
    while last and not slots[last - 1]:
        last -= 1
    kept = slots[:last]
    if sys.byteorder == "big":
        kept.byteswap()
    return kept.tobytes()


def _decode_front(data: bytes) -> tuple[Header, int, int]:
    if len(data) < HEADER_BYTES:
        raise DamagedMap("shorter than a header")
    front = data[: _HEADER.size]
    if _SUM.unpack_from(data, _HEADER.size)[0] != zlib.crc32(front):
        raise DamagedMap("header damaged")
    (
        magic,
        flags,
        shift,
        size,
        uid,
        family,
        parent,
        own_from,
        serial,
        own,
        created,
        count,
        body,
        _,
    ) = _HEADER.unpack(front)
    if magic != MAGIC or shift != OBJECT_SHIFT:
        raise DamagedMap("not a map of this version")
    header = Header(
        size, uid, family, parent, own_from, created, serial, own, bool(flags & READ_ONLY)
    )
    return header, count, body


assert _HEADER.size + _SUM.size == HEADER_BYTES
