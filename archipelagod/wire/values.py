"""
Values that operations on volumes take and give.  Standard library only.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

KINDS = ("zero", "own", "shared", "block")  # of extents; the place is the number on the wire
_EXTENT = struct.Struct("<QQI")
EXTENT_BYTES = _EXTENT.size


class Extent(NamedTuple):
    """
    A range of a volume, in bytes, and what is there: "zero" (nothing is stored), "own" (stored for
    this volume only), "shared" (stored, and other volumes may refer to it too) or "block" (a
    content-addressed block).
    """

    offset: int
    size: int
    kind: str


class Limits(NamedTuple):
    """
    What a volume's clients may do together; 0 is no limit.

    burst_seconds: how much of that may be saved up while nothing is asked for.
    """

    iops: float = 0.0
    bytes_per_second: float = 0.0
    burst_seconds: float = 1.0


class BadExtents(ValueError):
    """
    The bytes are no list of extents.
    """


def pack_extents(extents: list[Extent]) -> bytes:
    """
    Data of replies to MAPR, MAPW and DIFF.
    """
    return b"".join(
        _EXTENT.pack(extent.offset, extent.size, KINDS.index(extent.kind)) for extent in extents
    )


def parse_extents(data: bytes) -> list[Extent]:
    """
    The same read.  Raises BadExtents.
    """
    if len(data) % EXTENT_BYTES:
        raise BadExtents(f"{len(data)} bytes of extents")
    found = []
    for offset, size, kind in _EXTENT.iter_unpack(data):
        if kind >= len(KINDS):
            raise BadExtents(f"an extent of kind {kind}")
        found.append(Extent(offset, size, KINDS[kind]))
    return found
