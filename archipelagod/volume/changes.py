"""
What differs between two read-only volumes: for incremental backups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from archipelagod.volume.map_format import BLOCK_SHIFT, BLOCKS, FIRST_OBJECT, OBJECT_SHIFT, PARTIAL
from archipelagod.volume.opening import read_map
from archipelagod.volume.ranges import runs
from archipelagod.volume.slots import Slots
from archipelagod.volume.stored_map import MAPS
from archipelagod.wire.errors import NotReadOnly
from archipelagod.wire.values import Extent

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

CHUNK = 4096  # slots compared at once
_WHOLE = (1 << BLOCKS) - 1


class Page(NamedTuple):
    """
    Some extents, and the offset (bytes) from which to ask for more; None: that was all.
    """

    extents: list[Extent]
    next_offset: int | None


def changes(store: Store, older: str | None, newer: str, offset: int, limit: int) -> Page:
    """
    About ``limit`` ranges, from ``offset`` on, in which ``newer`` may differ from ``older``, or
    from zeros: "zero" where it reads as zeros, "shared" where it has data.  What is left out reads
    the same in both; what lies beyond the end of the older one counts as zeros there.

    Raises NoSuchVolume, NotReadOnly, StorageUnavailable, OSError.
    """
    new = _slots(store, newer)
    old = None if older is None else _slots(store, older)
    found: list[Extent] = []
    for index in _candidates(old, new, offset >> OBJECT_SHIFT):
        if len(found) >= limit:
            return Page(found, index << OBJECT_SHIFT)
        found.extend(_of_object(old, new, index, offset))
    return Page(found, None)


def _slots(store: Store, name: str) -> Slots:
    record = read_map(store, MAPS, name)
    if not record.header.is_read_only:
        raise NotReadOnly(name)
    return Slots(store, record)


def _candidates(old: Slots | None, new: Slots, first: int) -> Iterator[int]:
    """
    Indices of objects that are not the same, in order.
    """
    for start in range(first, len(new.view), CHUNK):
        end = min(start + CHUNK, len(new.view))
        ours = _named(new, start, end)
        theirs = [] if old is None else _named(old, start, end)
        theirs += [0] * (len(ours) - len(theirs))
        if ours != theirs:
            for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
                if our != their:
                    yield start + number


def _named(slots: Slots, start: int, end: int) -> list[int | bytes]:
    found = slots.view[start:end].tolist()
    return [_name(slots, each) for each in found] if slots.header.keys else [*found]


def _name(slots: Slots, slot: Any) -> int | bytes:
    """
    A name of an object that means the same in every map.
    """
    return slots.key(slot) if 0 < slot < FIRST_OBJECT else slot


def _of_object(old: Slots | None, new: Slots, index: int, offset: int) -> Iterator[Extent]:
    front = index << OBJECT_SHIFT
    end = new.header.size_bytes
    kind = "shared" if new.view[index] else "zero"
    for first, count, is_changed in runs(_changed(old, new, index), 0, BLOCKS):
        start = max(front + (first << BLOCK_SHIFT), offset)
        stop = min(front + ((first + count) << BLOCK_SHIFT), end)
        if is_changed and start < stop:
            yield Extent(start, stop - start, kind)


def _changed(old: Slots | None, new: Slots, index: int) -> int:
    """
    Blocks that may differ.  Objects over the same parent differ at most in what they have.
    """
    base, has = _base(new, index)
    if old is None or index >= len(old.view):
        return _WHOLE
    old_base, old_has = _base(old, index)
    return has | old_has if base == old_base and base else _WHOLE


def _base(slots: Slots, index: int) -> tuple[int | bytes, int]:
    """
    What has the blocks that an object has not, and those that it has itself.
    """
    slot = slots.view[index]
    if not slot & PARTIAL:
        return _name(slots, slot), 0
    partial = slots.partial(index)
    return _name(slots, partial.parent), partial.bits
