"""
Ranges of a volume, cut at the borders of its objects.  Standard library only.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from archipelagod.volume.map_format import OBJECT_BYTES, OBJECT_SHIFT

INNER = OBJECT_BYTES - 1  # the bits of an offset that lie within an object


def pieces(offset: int, size: int) -> Iterator[tuple[int, int, int]]:
    """
    The range cut at objects: (index, offset in the object, size), all but index in bytes.
    """
    end = offset + size
    while offset < end:
        inner = offset & INNER
        part = min(end - offset, OBJECT_BYTES - inner)
        yield offset >> OBJECT_SHIFT, inner, part
        offset += part


def extents(slots: array[int], offset: int, size: int) -> Iterator[tuple[int, bool]]:
    """
    The range as (bytes, holds data) parts, neighbours alike joined.
    """
    length, was_data = 0, False
    for index, _, part in pieces(offset, size):
        is_data = index < len(slots) and slots[index] != 0
        if length and is_data != was_data:
            yield length, was_data
            length = 0
        length, was_data = length + part, is_data
    if length:
        yield length, was_data
