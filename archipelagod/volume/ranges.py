"""
Ranges of a volume, cut at the borders of its objects, and of objects, cut at those of blocks.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archipelagod.volume.map_format import BLOCK_BYTES, BLOCK_SHIFT, OBJECT_BYTES, OBJECT_SHIFT

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


def blocks_of(inner: int, size: int) -> tuple[int, int]:
    """
    First block that a range of an object touches, and the number of them.
    """
    first = inner >> BLOCK_SHIFT
    return first, ((inner + size - 1) >> BLOCK_SHIFT) - first + 1


def mask_of(first: int, count: int) -> int:
    """
    Bits of ``count`` blocks.
    """
    return ((1 << count) - 1) << first


def runs(bits: int, first: int, count: int) -> Iterator[tuple[int, int, bool]]:
    """
    The blocks cut where ``bits`` changes: (first, count, whether the bits are set).
    """
    end = first + count
    while first < end:
        rest = bits >> first
        is_set = bool(rest & 1)
        if is_set:
            rest = ~rest
        length = (rest & -rest).bit_length() - 1 if rest else end - first
        length = min(length, end - first)
        yield first, length, is_set
        first += length


def sources(bits: int, inner: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """
    A range of a partial object cut as ``runs`` says: (offset in the object, size, is in it).
    """
    end = inner + size
    for first, count, is_in in runs(bits, *blocks_of(inner, size)):
        start = max(inner, first << BLOCK_SHIFT)
        yield start, min(end, (first + count) << BLOCK_SHIFT) - start, is_in


def joined(parts: Iterable[tuple[int, bool]]) -> Iterator[tuple[int, bool]]:
    """
    (size, kind) parts, neighbours of one kind made one.
    """
    length, kind = 0, False
    for size, this in parts:
        if length and this != kind:
            yield length, kind
            length = 0
        length, kind = length + size, this
    if length:
        yield length, kind


assert BLOCK_BYTES == 1 << BLOCK_SHIFT
