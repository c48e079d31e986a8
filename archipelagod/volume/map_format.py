"""
A map as bytes, all little-endian.

The *record* of a map is a header, then its delta, then the partials of the delta.  What is older
lies in a *body*, which never changes and may be shared by many maps: one 8-byte slot per object,
then a table of partials.  So a clone, whatever its size, is a copy of the record.

A slot is 0 (reads as zeros), the name of an object (session in the upper half, sequence in the
lower), or, with session 0, one more than the place of a content-addressed block in the map's list
of keys.  Sessions are numbered once for the whole store and never reused, so no name ever means two
objects.  A map owns the objects of session ``own_from`` and later: only it refers to them, it may
write them in place.  Earlier ones are shared.

PARTIAL in a slot says that the object has only some 4 KiB blocks; the others are in its parent, as
its entry among the partials says: (index, parent, bitmap).
"""

from __future__ import annotations

import errno
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MAGIC = b"SNFMAP\x00\x05"
OBJECT_SHIFT = 22
OBJECT_BYTES = 1 << OBJECT_SHIFT
BLOCK_SHIFT = 12
BLOCK_BYTES = 1 << BLOCK_SHIFT
BLOCKS = OBJECT_BYTES // BLOCK_BYTES  # of an object
ALL_BLOCKS = (1 << BLOCKS) - 1
PARTIAL = 1 << 63
FIRST_OBJECT = 1 << 32  # slots below are content-addressed blocks, or 0
MAX_VOLUME_BYTES = 1 << 46  # 64 TiB: a body of 128 MiB
KEY_BYTES = 32

READ_ONLY, PROTECTED, STALE_END = 1, 2, 4

#: magic, flags, object shift, serial, size, uid, family, parent, own_from, created (microseconds),
#: body, keys, slots in the body, partials in the body, CRC-32 of the body, number of keys,
#: changes in the delta, partials in the delta, own objects, all objects, own blocks, CRC-32 of what
#: follows the header, CRC-32 of all before it
_HEADER = struct.Struct("<8sHHIQIIIIQQQIIIIIIIIQI")
_SUM = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _SUM.size
_PARTIAL = struct.Struct("<IIQ128s")  # index, spare, parent, bitmap: bit n of byte m is block 8m+n
PARTIAL_BYTES = _PARTIAL.size


class DamagedMap(OSError):
    """
    The bytes are not a map, or not the map that was written.
    """

    def __init__(self, text: str) -> None:
        super().__init__(errno.EIO, text)

    def __str__(self) -> str:
        return str(self.strerror)


class Header(NamedTuple):
    """
    What is known of a volume apart from its slots.
    """

    size_bytes: int
    uid: int  # the session in which it was made; names its journal and its lease
    family: int  # uid of the first ancestor: only maps of one family share objects
    parent: int  # uid of the origin, 0 for none
    own_from: int  # the first session whose objects and bodies are this map's own
    created_us: int  # since 1970, UTC
    serial: int = 0  # one more with every rewrite; a journal belongs to one serial
    is_read_only: bool = False
    is_protected: bool = False
    has_stale_end: bool = False  # in the last object, beyond the size, is what was cut off
    own_objects: int = 0  # whole ones
    all_objects: int = 0
    own_blocks: int = 0  # in partial objects
    body: int = 0  # name of the body, 0 for none
    body_slots: int = 0
    body_partials: int = 0
    body_sum: int = 0
    keys: int = 0  # name of the list of keys, 0 for none
    key_count: int = 0

    @property
    def slot_count(self) -> int:
        """
        Slots of a volume of this size.
        """
        return -(-self.size_bytes // OBJECT_BYTES)


class Partial:
    """
    An object that has only the blocks in ``bits`` (bit n is block n); ``parent`` has the rest.
    """

    __slots__ = ("bits", "oid", "parent")

    def __init__(self, oid: int, parent: int, bits: int = 0) -> None:
        self.oid = oid
        self.parent = parent
        self.bits = bits


class Record(NamedTuple):
    """
    A map's record: its header, and what differs from the body.
    """

    header: Header
    delta: dict[int, int]  # slot by index
    partials: dict[int, Partial]  # by index; of slots in the delta


def encode(header: Header, delta: Mapping[int, int], partials: Mapping[int, Partial]) -> bytes:
    """
    The record as it is stored.
    """
    flat = array("Q")
    for index in sorted(delta):
        flat.append(index)
        flat.append(delta[index])
    tail = _little(flat) + encode_partials(sorted(partials.items()))
    return _front(header, len(delta), len(partials), zlib.crc32(tail)) + tail


def with_header(header: Header, record: bytes) -> bytes:
    """
    The same map under another header.  Raises DamagedMap.
    """
    _, changes, partials, checksum = _decode_front(record)
    _check_tail(record, changes, partials, checksum)
    return _front(header, changes, partials, checksum) + record[HEADER_BYTES:]


def decode_header(data: bytes) -> Header:
    """
    The header at the start of ``data``.  Raises DamagedMap.
    """
    return _decode_front(data)[0]


def decode(data: bytes) -> Record:
    """
    A whole record.  Raises DamagedMap.
    """
    header, changes, count, checksum = _decode_front(data)
    _check_tail(data, changes, count, checksum)
    end = HEADER_BYTES + changes * 16
    flat = array("Q", data[HEADER_BYTES:end])
    if sys.byteorder == "big":
        flat.byteswap()
    delta = dict(zip(flat[::2], flat[1::2], strict=True))
    partials = {}
    for number in range(count):
        index, parent, bits = decode_partial(data, end, number)
        partials[index] = Partial(delta.get(index, 0) & ~PARTIAL, parent, bits)
    _check_sense(header, delta, partials)
    return Record(header, delta, partials)


def _check_sense(header: Header, delta: Mapping[int, int], partials: Mapping[int, Partial]) -> None:
    if any(index >= header.slot_count for index in delta):
        raise DamagedMap("a slot beyond its size")
    if {index for index, slot in delta.items() if slot & PARTIAL} != partials.keys():
        raise DamagedMap("its partial objects are not those of its slots")


def encode_partials(partials: Iterable[tuple[int, Partial]]) -> bytes:
    """
    A table of partials, in the order given.
    """
    return b"".join(
        _PARTIAL.pack(index, 0, partial.parent, partial.bits.to_bytes(BLOCKS // 8, "little"))
        for index, partial in partials
    )


def decode_partial(data: bytes | memoryview, start: int, number: int) -> tuple[int, int, int]:
    """
    One entry of the table of partials at ``start``: index, parent, blocks.
    """
    index, _, parent, bitmap = _PARTIAL.unpack_from(data, start + number * PARTIAL_BYTES)
    return index, parent, int.from_bytes(bitmap, "little")


def encode_body(slots: array[int] | memoryview, partials: Iterable[tuple[int, Partial]]) -> bytes:
    """
    A body.  partials: sorted.
    """
    return _little(array("Q", slots)) + encode_partials(partials)


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _front(header: Header, changes: int, partials: int, checksum: int) -> bytes:
    front = _HEADER.pack(
        MAGIC,
        READ_ONLY * header.is_read_only
        | PROTECTED * header.is_protected
        | STALE_END * header.has_stale_end,
        OBJECT_SHIFT,
        header.serial,
        header.size_bytes,
        header.uid,
        header.family,
        header.parent,
        header.own_from,
        header.created_us,
        header.body,
        header.keys,
        header.body_slots,
        header.body_partials,
        header.body_sum,
        header.key_count,
        changes,
        partials,
        header.own_objects,
        header.all_objects,
        header.own_blocks,
        checksum,
    )
    return front + _SUM.pack(zlib.crc32(front))


def _decode_front(data: bytes) -> tuple[Header, int, int, int]:
    if len(data) < HEADER_BYTES:
        raise DamagedMap("shorter than a header")
    front = data[: _HEADER.size]
    if _SUM.unpack_from(data, _HEADER.size)[0] != zlib.crc32(front):
        raise DamagedMap("header damaged")
    magic, flags, shift, serial, size, uid, family, parent, own_from, created, *rest = (
        _HEADER.unpack(front)
    )
    if magic != MAGIC or shift != OBJECT_SHIFT:
        raise DamagedMap("not a map of this version")
    body, keys, slots, in_body, body_sum, key_count, changes, partials, *counts = rest
    own, all_objects, own_blocks, checksum = counts
    header = Header(
        size,
        uid,
        family,
        parent,
        own_from,
        created,
        serial,
        bool(flags & READ_ONLY),
        bool(flags & PROTECTED),
        bool(flags & STALE_END),
        own,
        all_objects,
        own_blocks,
        body,
        slots,
        in_body,
        body_sum,
        keys,
        key_count,
    )
    _check_header(header)
    return header, changes, partials, checksum


def _check_header(header: Header) -> None:
    is_sound = (
        0 < header.size_bytes <= MAX_VOLUME_BYTES
        and (header.body or not (header.body_slots or header.body_partials))
        and (header.keys or not header.key_count)
        and (header.size_bytes % OBJECT_BYTES or not header.has_stale_end)
        and max(header.serial, header.own_objects, header.all_objects) < 1 << 31
    )
    if not is_sound:
        raise DamagedMap("a header that makes no sense")


def _check_tail(data: bytes, changes: int, partials: int, checksum: int) -> None:
    if len(data) != HEADER_BYTES + changes * 16 + partials * PARTIAL_BYTES:
        raise DamagedMap("its length is wrong")
    if zlib.crc32(memoryview(data)[HEADER_BYTES:]) != checksum:
        raise DamagedMap("slots damaged")
