"""
The format of backups: that of ``rbd export-diff``, version 1 (doc/dev/rbd-diff.rst of Ceph), as
bytes, without input or output.

``rbd diff v1\\n``, then records: a letter and what belongs to it, all little-endian.  ``f`` the
snapshot it starts from, ``t`` the one it leads to (length u32, name); ``s`` size u64; ``w`` offset
u64, length u64, data; ``z`` offset u64, length u64: zeros; ``e`` the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

BANNER = b"rbd diff v1\n"
MAX_NAME = 4096
MAX_DATA = 64 << 20

_SIZE = struct.Struct("<Q")
_NAME = struct.Struct("<I")
_RANGE = struct.Struct("<QQ")


class BadStream(ValueError):
    """
    The bytes are no backup, or end too early.
    """


class Start(NamedTuple):
    """
    What comes first.
    """

    older: str | None  # the snapshot that it must be put over; None: zeros
    newer: str | None
    size_bytes: int


class Part(NamedTuple):
    """
    A range, and its data; None: zeros.
    """

    offset: int
    size: int
    data: bytes | None


def pack_start(start: Start) -> bytes:
    """
    Banner, names and size.
    """
    parts = [BANNER]
    for letter, name in ((b"f", start.older), (b"t", start.newer)):
        if name is not None:
            encoded = name.encode()
            parts += [letter, _NAME.pack(len(encoded)), encoded]
    parts += [b"s", _SIZE.pack(start.size_bytes)]
    return b"".join(parts)


def pack_part(part: Part) -> bytes:
    """
    One range.
    """
    head = (b"z" if part.data is None else b"w") + _RANGE.pack(part.offset, part.size)
    return head + (part.data or b"")


END = b"e"


def read_start(read: Callable[[int], bytes]) -> Start:
    """
    The start of a stream.  read: gives so many bytes, or fewer at the end.  Raises BadStream.
    """
    if read(len(BANNER)) != BANNER:
        raise BadStream("this is no backup (rbd diff v1)")
    older = newer = None
    while True:
        letter = read(1)
        if letter == b"f":
            older = _name(read)
        elif letter == b"t":
            newer = _name(read)
        elif letter == b"s":
            return Start(older, newer, _SIZE.unpack(_exactly(read, _SIZE.size))[0])
        else:
            raise BadStream(f"{letter!r} before the size")


def read_parts(read: Callable[[int], bytes]) -> Iterator[Part]:
    """
    What follows ``read_start``, up to the end.  Raises BadStream.
    """
    while True:
        letter = read(1)
        if letter == END:
            return
        if letter not in (b"w", b"z"):
            raise BadStream("it ends too early" if not letter else f"{letter!r} is no record")
        offset, size = _RANGE.unpack(_exactly(read, _RANGE.size))
        if letter == b"z":
            yield Part(offset, size, None)
        elif size > MAX_DATA:
            raise BadStream(f"a range of {size} bytes")
        else:
            yield Part(offset, size, _exactly(read, size))


def _name(read: Callable[[int], bytes]) -> str:
    (size,) = _NAME.unpack(_exactly(read, _NAME.size))
    if size > MAX_NAME:
        raise BadStream(f"a name of {size} bytes")
    try:
        return _exactly(read, size).decode()
    except UnicodeDecodeError:
        raise BadStream("a name that is not UTF-8") from None


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    found = read(size)
    if len(found) != size:
        raise BadStream("it ends too early")
    return found
