"""
A request in work, and its answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from archipelagod.wire.errors import BadRequest, OutOfRange
from archipelagod.wire.frames import Frame
from archipelagod.wire.framing import MAX_IO_BYTES
from archipelagod.wire.handling.holdings import Holdings
from archipelagod.wire.interface import IVolumes, Progress


@frozen
class Call:
    """
    A request, and what may be used to answer it.
    """

    frame: Frame
    volumes: IVolumes
    holdings: Holdings
    progress: Progress = None


@frozen
class Answer:
    """
    What a successful reply carries.
    """

    data: bytes = b""
    offset: int = 0
    size: int = 0
    flags: int = 0


DONE = Answer()
Handler = Callable[[Call], Awaitable[Answer]]


def checked_io(size: int) -> int:
    """
    ``size``, if that much may be read or written at a time.  Raises OutOfRange.
    """
    if size > MAX_IO_BYTES:
        raise OutOfRange(f"{size} bytes; {MAX_IO_BYTES} at a time")
    return size


def without_data(frame: Frame) -> Frame:
    """
    ``frame``, if it has no data.  Raises BadRequest.
    """
    if frame.data:
        raise BadRequest(f"operation {frame.operation} takes no data")
    return frame
