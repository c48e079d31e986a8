"""
Whole frames of the block protocol as values, without I/O.  Documented in docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from archipelagod.wire.framing import (
    ERROR,
    HEADER_BYTES,
    MAX_DATA,
    MAX_DATA_BEFORE_HELLO,
    MAX_IO_BYTES,
    MAX_TARGET,
    PROGRESS,
    REPLY,
    REQUEST,
    BadFrame,
    Header,
    pack,
    parse,
)

__all__ = [
    "ERROR",
    "HEADER_BYTES",
    "MAX_DATA",
    "MAX_DATA_BEFORE_HELLO",
    "MAX_IO_BYTES",
    "PROGRESS",
    "REPLY",
    "REQUEST",
    "BadFrame",
    "Frame",
    "FrameDecoder",
    "encode",
    "parts",
]


@frozen
class Frame:
    """
    A request (kind REQUEST), the reply with its serial (REPLY), news of it before that (PROGRESS),
    or the reason of the end (ERROR).
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


def encode(frame: Frame, serial: int | None = None) -> bytes:
    """
    The frame as bytes, with another serial if one is given.  Raises BadFrame when target or data
    are too long.
    """
    return b"".join(parts(frame, serial))


def parts(frame: Frame, serial: int | None = None) -> tuple[bytes, bytes, bytes]:
    """
    The same without a copy of the data: header, target and data.
    """
    target = frame.target.encode()
    if len(target) > MAX_TARGET or len(frame.data) > MAX_DATA:
        raise BadFrame("target or data too long")
    header = pack(
        frame.kind,
        frame.operation,
        frame.serial if serial is None else serial,
        frame.flags,
        frame.status,
        frame.offset,
        frame.size,
        len(target),
        len(frame.data),
    )
    return header, target, frame.data


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
        self.put(data)
        while (frame := self.next()) is not None:
            yield frame

    def put(self, data: bytes) -> None:
        """
        Takes bytes; ``next`` cuts them.
        """
        self._pending += data

    def rest(self) -> bytes:
        """
        What was fed and is in no frame yet; it is forgotten here.
        """
        rest = bytes(self._pending)
        self._pending.clear()
        return rest

    def next(self) -> Frame | None:
        """
        The next frame; None when it is not all there.  Raises BadFrame; then ask no more.
        """
        if len(self._pending) < HEADER_BYTES:
            return None
        header = parse(self._pending, 0, self.max_data)
        target_end = HEADER_BYTES + header.target_bytes
        end = target_end + header.data_bytes
        if len(self._pending) < end:
            return None
        with memoryview(self._pending) as view:
            target, data = bytes(view[HEADER_BYTES:target_end]), bytes(view[target_end:end])
        del self._pending[:end]
        return _frame(header, target, data)


def _frame(header: Header, target: bytes, data: bytes) -> Frame:
    try:
        name = target.decode()
    except UnicodeDecodeError:
        raise BadFrame("target is not UTF-8") from None
    return Frame(
        header.kind,
        header.operation,
        header.serial,
        header.flags,
        header.status,
        header.offset,
        header.size,
        name,
        data,
    )
