"""
Frames of the block protocol as bytes, without I/O.  Documented in docs/protocol.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from attrs import frozen

MAGIC = b"SNFB"
VERSION = 1
REQUEST, REPLY, ERROR = 1, 2, 3

#: magic, version, kind, operation, flags, status, serial, offset, size, target length, data length
_HEADER = struct.Struct("<4sBBHHHQQQHxxI")
_SUM = struct.Struct("<I")
HEADER_BYTES = 48

MAX_TARGET = 255
MAX_IO_BYTES = 4 << 20
MAX_DATA = MAX_IO_BYTES + (64 << 10)
MAX_DATA_BEFORE_HELLO = 256


class BadFrame(Exception):
    """
    The bytes break the grammar: the connection can't go on.
    """


@frozen
class Frame:
    """
    A request (kind REQUEST), the reply with its serial (REPLY), or the reason of the end (ERROR).
    """

    kind: int
    operation: int
    serial: int = 0
    flags: int = 0
    status: int = 0
    offset: int = 0
    size: int = 0
    target: str = ""
    data: bytes = b""


def encode(frame: Frame) -> bytes:
    """
    The frame as bytes.  Raises BadFrame when target or data are too long.
    """
    target = frame.target.encode()
    if len(target) > MAX_TARGET or len(frame.data) > MAX_DATA:
        raise BadFrame("target or data too long")
    front = _HEADER.pack(
        MAGIC,
        VERSION,
        frame.kind,
        frame.operation,
        frame.flags,
        frame.status,
        frame.serial,
        frame.offset,
        frame.size,
        len(target),
        len(frame.data),
    )
    return b"".join((front, _SUM.pack(zlib.crc32(front)), target, frame.data))


class FrameDecoder:
    """
    Cuts what is fed into frames.  Holds at most one frame of ``max_data`` and what came with it.
    """

    def __init__(self, max_data: int = MAX_DATA) -> None:
        self.max_data = max_data
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """
        The frames that ``data`` completes.  Raises BadFrame; then feed no more.
        """
        self._pending += data
        while len(self._pending) >= HEADER_BYTES:
            fields = self._header()
            target_end = HEADER_BYTES + fields[9]
            end = target_end + fields[10]
            if len(self._pending) < end:
                return
            view = memoryview(self._pending)
            target, body = bytes(view[HEADER_BYTES:target_end]), bytes(view[target_end:end])
            view.release()
            del self._pending[:end]
            yield _frame(fields, target, body)

    def _header(self) -> tuple[bytes, int, int, int, int, int, int, int, int, int, int]:
        front = self._pending[: _HEADER.size]
        fields: tuple[bytes, int, int, int, int, int, int, int, int, int, int] = _HEADER.unpack(
            front
        )
        if fields[0] != MAGIC:
            raise BadFrame("bad magic")
        if _SUM.unpack_from(self._pending, _HEADER.size)[0] != zlib.crc32(front):
            raise BadFrame("header damaged")
        if fields[1] != VERSION:
            raise BadFrame(f"version {fields[1]} is not spoken here")
        if fields[2] not in (REQUEST, REPLY, ERROR):
            raise BadFrame(f"kind {fields[2]}")
        if fields[9] > MAX_TARGET or fields[10] > self.max_data:
            raise BadFrame("target or data too long")
        return fields


def _frame(
    fields: tuple[bytes, int, int, int, int, int, int, int, int, int, int],
    target: bytes,
    data: bytes,
) -> Frame:
    _, _, kind, operation, flags, status, serial, offset, size, _, _ = fields
    try:
        name = target.decode()
    except UnicodeDecodeError:
        raise BadFrame("target is not UTF-8") from None
    return Frame(kind, operation, serial, flags, status, offset, size, name, data)


assert _HEADER.size + _SUM.size == HEADER_BYTES
