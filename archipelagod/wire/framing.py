"""
The header of a frame of the block protocol, as bytes: see docs/protocol.md.  Standard library only.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAGIC = b"SNFB"
LAYOUT = 1  # of the header; what is spoken with it is agreed on in HELLO

REQUEST, REPLY, ERROR, PROGRESS = 1, 2, 3, 4
KINDS = frozenset((REQUEST, REPLY, ERROR, PROGRESS))

MAX_TARGET = 255
MAX_IO_BYTES = 4 << 20
MAX_DATA = MAX_IO_BYTES + (64 << 10)
MAX_DATA_BEFORE_HELLO = 256

Buffer = bytes | bytearray | memoryview

#: magic, layout, kind, operation, flags, status, serial, offset, size, target length, zero, data
#: length
_FRONT = struct.Struct("<4sBBHHHQQQHHI")
_HEADER = struct.Struct("<4sBBHHHQQQHHII")  # the same, and the checksum
_SUM = struct.Struct("<I")
_FRONT_BYTES = _FRONT.size
HEADER_BYTES = _HEADER.size


class BadFrame(Exception):
    """
    The bytes break the grammar: the connection can't go on.
    """


class Header(NamedTuple):
    """
    What a header says; a target and data of these lengths follow it.
    """

    kind: int
    operation: int
    flags: int
    status: int
    serial: int
    offset: int
    size: int
    target_bytes: int
    data_bytes: int


def parse(buffer: Buffer, at: int = 0, max_data: int = MAX_DATA) -> Header:
    """
    The header at ``at``, of which all HEADER_BYTES are there.

    Raises BadFrame, also when more than ``max_data`` bytes of data are announced.
    """
    (
        magic,
        layout,
        kind,
        operation,
        flags,
        status,
        serial,
        offset,
        size,
        target_bytes,
        zero,
        data_bytes,
        checksum,
    ) = _HEADER.unpack_from(buffer, at)
    if magic != MAGIC:
        raise BadFrame("bad magic")
    if checksum != zlib.crc32(buffer[at : at + _FRONT_BYTES]):
        raise BadFrame("header damaged")
    if layout != LAYOUT:
        raise BadFrame(f"headers of layout {layout} are not known here")
    if kind not in KINDS or zero:
        raise BadFrame(f"kind {kind}")
    if target_bytes > MAX_TARGET or data_bytes > max_data:
        raise BadFrame("target or data too long")
    return Header(kind, operation, flags, status, serial, offset, size, target_bytes, data_bytes)


def pack(
    kind: int,
    operation: int,
    serial: int,
    flags: int = 0,
    status: int = 0,
    offset: int = 0,
    size: int = 0,
    target_bytes: int = 0,
    data_bytes: int = 0,
) -> bytes:
    """
    The HEADER_BYTES of a header; the numbers must fit their fields.
    """
    front = _FRONT.pack(
        MAGIC,
        LAYOUT,
        kind,
        operation,
        flags,
        status,
        serial,
        offset,
        size,
        target_bytes,
        0,
        data_bytes,
    )
    return front + _SUM.pack(zlib.crc32(front))
