"""
Reading the objects of an open volume.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.stores.file_copying import allocated
from archipelagod.volume.map_format import (
    BLOCKS,
    FIRST_OBJECT,
    OBJECT_BYTES,
    OBJECT_SHIFT,
    PARTIAL,
)
from archipelagod.volume.ranges import joined, pieces, sources
from archipelagod.volume.table import DirectEntry

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.slots import Slots

ZEROS = memoryview(bytes(OBJECT_BYTES))


class Reading:
    """
    Ranges of one object at a time: ``index`` of the object, ``inner`` offset in it, all in bytes.
    """

    def __init__(self, store: Store, slots: Slots, name: str) -> None:
        self._objects = store.objects
        self._blocks = store.blocks
        self._slots = slots
        self._name = name

    def read(self, index: int, inner: int, view: memoryview) -> None:
        """
        Fills ``view``.  Raises OSError.
        """
        while True:
            slot = self._slots.view[index]
            try:
                if slot & PARTIAL:
                    self._read_partial(index, inner, view)
                else:
                    self.read_slot(slot, inner, view)
                return
            except FileNotFoundError:
                if self._slots.view[index] == slot:
                    raise OSError(errno.EIO, f"{self._name}: object {slot:016x} is lost") from None
                # another connection let it go meanwhile

    def _read_partial(self, index: int, inner: int, view: memoryview) -> None:
        partial = self._slots.partial(index)
        for start, size, is_in in sources(partial.bits, inner, len(view)):
            part = view[start - inner : start - inner + size]
            self.read_slot(partial.oid if is_in else partial.parent, start, part)

    def read_slot(self, slot: int, inner: int, view: memoryview) -> None:
        """
        Fills ``view`` from what a slot that is not PARTIAL names.  Raises FileNotFoundError,
        OSError.
        """
        if slot >= FIRST_OBJECT:
            done = self._objects.read_into(slot, inner, view)
        elif slot:
            done = self._blocks.read_into(self._slots.key(slot), inner, view)
        else:
            done = 0
        if done < len(view):
            view[done:] = ZEROS[: len(view) - done]

    def read_now(self, index: int, inner: int, view: memoryview) -> bool:
        """
        Fills ``view`` if the medium need not be waited for; or False.
        """
        slot = self._slots.view[index]
        try:
            if not slot & PARTIAL:
                return self._read_slot_now(slot, inner, view)
            partial = self._slots.partial(index)
            return all(
                self._read_slot_now(
                    partial.oid if is_in else partial.parent,
                    start,
                    view[start - inner : start - inner + size],
                )
                for start, size, is_in in sources(partial.bits, inner, len(view))
            )
        except FileNotFoundError:
            return False

    def _read_slot_now(self, slot: int, inner: int, view: memoryview) -> bool:
        if slot >= FIRST_OBJECT:
            return self._objects.read_now(slot, inner, view)
        if slot:
            return self._blocks.read_now(self._slots.key(slot), inner, view)
        view[:] = ZEROS[: len(view)]
        return True

    def prefetch(self, index: int, inner: int, size: int) -> None:
        """
        A hint that the range is about to be read.
        """
        slot = self._slots.view[index]
        if not slot & PARTIAL:
            self._prefetch_slot(slot, inner, size)
            return
        partial = self._slots.partial(index)
        for start, part, is_in in sources(partial.bits, inner, size):
            self._prefetch_slot(partial.oid if is_in else partial.parent, start, part)

    def _prefetch_slot(self, slot: int, inner: int, size: int) -> None:
        if slot >= FIRST_OBJECT:
            self._objects.prefetch(slot, inner, size)
        elif slot:
            self._blocks.prefetch(self._slots.key(slot), inner, size)

    def extents(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        A range of the volume as (bytes, holds data) parts, neighbours alike joined.
        """
        return joined((part, kind != "zero") for _, part, kind in self.mapping(offset, size))

    def allocated(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        As ``extents``, with the holes within objects where the store can tell.  Raises OSError.
        """
        return joined(self._allocated(offset, size))

    def _allocated(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        for index, inner, part in pieces(offset, size):
            slot = self._slots.view[index]
            if not slot & PARTIAL:
                yield from self._data_in(slot, inner, part)
                continue
            partial = self._slots.partial(index)
            for start, length, is_in in sources(partial.bits, inner, part):
                yield from self._data_in(partial.oid if is_in else partial.parent, start, length)

    def _data_in(self, slot: int, inner: int, size: int) -> Iterator[tuple[int, bool]]:
        fd = None
        if slot >= FIRST_OBJECT:
            with contextlib.suppress(FileNotFoundError):  # let go meanwhile, or lost
                fd = self._objects.fd(slot)
        if fd is None:
            yield size, bool(slot)
        else:
            yield from allocated(fd, inner, size)

    def mapping(self, offset: int, size: int) -> Iterator[tuple[int, int, str]]:
        """
        A range of the volume as (offset, bytes, kind) parts; kind: see Volume.mapping.
        """
        for index, inner, part in pieces(offset, size):
            slot = self._slots.view[index]
            front = index << OBJECT_SHIFT
            if not slot & PARTIAL:
                yield front + inner, part, self._kind(slot)
                continue
            partial = self._slots.partial(index)
            for start, length, is_in in sources(partial.bits, inner, part):
                yield front + start, length, self._kind(partial.oid if is_in else partial.parent)

    def direct_entry(self, index: int) -> DirectEntry | None:
        """
        See Volume.
        """
        slot = self._slots.view[index]
        is_own = slot & ~PARTIAL >= self._slots.own_floor
        try:
            if not slot & PARTIAL:
                fd = self._descriptor(slot)
                return None if fd is None else DirectEntry(fd, -1, None, is_own, fd)
            partial = self._slots.partial(index)
            fd, parent = self._descriptor(partial.oid), self._descriptor(partial.parent)
        except OSError:
            return None
        if fd is None or parent is None:
            return None
        bitmap = partial.bits.to_bytes(BLOCKS // 8, "little")
        return DirectEntry(fd, parent, bitmap, is_own, (fd, parent))

    def _descriptor(self, slot: int) -> int | None:
        if slot >= FIRST_OBJECT:
            return self._objects.fd(slot)
        return self._blocks.fd(self._slots.key(slot)) if slot else None

    def _kind(self, slot: int) -> str:
        if slot < FIRST_OBJECT:
            return "block" if slot else "zero"
        return "own" if slot >= self._slots.own_floor else "shared"
