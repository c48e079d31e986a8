"""
Writing the objects of an open volume: in place, or into a new object.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.volume.map_format import (
    ALL_BLOCKS,
    BLOCK_BYTES,
    BLOCK_SHIFT,
    BLOCKS,
    FIRST_OBJECT,
    OBJECT_BYTES,
    PARTIAL,
    Partial,
)
from archipelagod.volume.ranges import blocks_of, mask_of, runs
from archipelagod.volume.reading import ZEROS, Reading

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.open_map import OpenMap

COPY_BYTES = 1 << 20


class Writing:
    """
    Ranges of one object at a time: ``index`` of the object, ``inner`` offset in it, all in bytes.
    """

    def __init__(self, store: Store, opened: OpenMap, reading: Reading) -> None:
        self._objects = store.objects
        self._map = opened
        self._slots = opened.slots
        self._reading = reading

    def write(self, index: int, inner: int, data: bytes | memoryview) -> None:
        """
        Writes ``data``, which is not empty unless nothing is to be done.  Raises OSError.
        """
        slots = self._slots
        slot = slots.view[index]
        if slots.own_floor <= slot < PARTIAL and self._write_own(index, slot, inner, data):
            return
        if slot & PARTIAL and slot & ~PARTIAL >= slots.own_floor and data:
            partial = slots.partial(index)
            mask = mask_of(*blocks_of(inner, len(data)))
            if partial.bits & mask == mask and self._write_own(index, slot, inner, data):
                return
        if data:
            with self._map.lock:
                self._write_slowly(index, inner, data)

    def _write_own(self, index: int, slot: int, inner: int, data: bytes | memoryview) -> bool:
        """
        False when the object is not at ``index`` any more.
        """
        oid = slot & ~PARTIAL
        try:
            self._objects.write(oid, inner, data)
        except FileNotFoundError:
            if self._slots.view[index] & ~PARTIAL == oid:
                raise OSError(errno.EIO, f"{self._map.name}: object {oid:016x} is lost") from None
            return False
        self._map.unsynced.written(oid, inner, len(data))
        return True

    def _write_slowly(self, index: int, inner: int, data: bytes | memoryview) -> None:
        slot = self._slots.view[index]
        if slot & ~PARTIAL < self._slots.own_floor:
            self._write_new(index, slot, inner, data)
        elif slot & PARTIAL:
            self._write_blocks(index, inner, data)
        else:  # another connection was first
            self._objects.write(slot, inner, data)
            self._map.unsynced.written(slot, inner, len(data))

    @contextlib.contextmanager
    def _new_object(self) -> Iterator[int]:
        """
        An object that is gone again if the block fails, unless the journal may name it.
        """
        fresh = self._map.fresh_object()
        self._objects.create(fresh)
        try:
            yield fresh
        except BaseException:
            if not self._map.has_failed:
                self._objects.remove(fresh)
            raise

    def _write_new(self, index: int, slot: int, inner: int, data: bytes | memoryview) -> None:
        with self._new_object() as fresh:
            if not slot or len(data) == OBJECT_BYTES:
                self._objects.write(fresh, inner, data)
                self._map.unsynced.written(fresh, inner, len(data))
                self._map.change(index, fresh)
            else:
                parent, bits = self._inherited(index, slot, fresh)
                bits |= self._write_whole_blocks(Partial(fresh, parent, bits), inner, data)
                if slot & PARTIAL:
                    self._map.unsynced.touched(fresh)  # it has what it inherited
                self._change_partly(index, fresh, parent, bits)

    def _change_partly(self, index: int, oid: int, parent: int, bits: int) -> None:
        found = [(first, count) for first, count, is_set in runs(bits, 0, BLOCKS) if is_set]
        if bits == ALL_BLOCKS:
            self._map.change(index, oid)
        else:
            self._map.change_partly(index, oid, parent, found)

    def _inherited(self, index: int, slot: int, fresh: int) -> tuple[int, int]:
        """
        The parent of a new object in place of ``slot``, and the blocks it got: those of a partial
        object, so that no chain of parents ever grows.
        """
        if not slot & PARTIAL:
            return slot, 0
        old = self._slots.partial(index)
        for first, count, is_in in runs(old.bits, 0, BLOCKS):
            if is_in:
                start, size = first << BLOCK_SHIFT, count << BLOCK_SHIFT
                self._objects.copy_range(old.oid, fresh, start, size)
        return old.parent, old.bits

    def _write_blocks(self, index: int, inner: int, data: bytes | memoryview) -> None:
        partial = self._slots.partial(index)
        self._write_whole_blocks(partial, inner, data)
        self._fill(index, *blocks_of(inner, len(data)))

    def _fill(self, index: int, first: int, count: int) -> None:
        mask = mask_of(first, count)
        if self._slots.partial(index).bits & mask != mask:
            self._map.fill(index, first, count)

    def _write_whole_blocks(self, partial: Partial, inner: int, data: bytes | memoryview) -> int:
        """
        Writes ``data``, and what of its first and last block the parent has.  The blocks' bits.
        """
        first, count = blocks_of(inner, len(data))
        self._objects.write(partial.oid, inner, data)
        self._copy_edges(partial, inner, len(data))
        self._map.unsynced.written(partial.oid, first << BLOCK_SHIFT, count << BLOCK_SHIFT)
        return mask_of(first, count)

    def _copy_edges(self, partial: Partial, inner: int, size: int) -> None:
        """
        Copies what of the range's first and last block is outside of it and only the parent has.
        """
        first, count = blocks_of(inner, size)
        end = inner + size
        front, back = first << BLOCK_SHIFT, (first + count) << BLOCK_SHIFT
        if inner > front and not partial.bits >> first & 1:
            self._copy_from_parent(partial, front, inner - front)
        if back > end and not partial.bits >> (first + count - 1) & 1:
            self._copy_from_parent(partial, end, back - end)

    def _copy_from_parent(self, partial: Partial, inner: int, size: int) -> None:
        copied = memoryview(bytearray(size))
        self._reading.read_slot(partial.parent, inner, copied)
        self._objects.write(partial.oid, inner, copied)

    def let_go(self, index: int) -> None:
        """
        The whole object reads as zeros.  Raises OSError.
        """
        with self._map.lock:
            if self._slots.view[index]:
                self._map.change(index, 0)

    def zero(self, index: int, inner: int, size: int, *, is_hint: bool) -> None:
        """
        The range reads as zeros.  Raises OSError.
        """
        with self._map.lock:
            slot = self._slots.view[index]
            if not slot:
                return
            if slot & ~PARTIAL < self._slots.own_floor:
                if not is_hint:
                    self._zero_shared(index, slot, inner, size)
            elif slot & PARTIAL:
                self._zero_blocks(index, inner, size)
            else:
                self._objects.zero(slot, inner, size)
                self._map.unsynced.touched(slot)

    def _zero_shared(self, index: int, slot: int, inner: int, size: int) -> None:
        """
        Whole blocks become holes of a new object; the edges are written.
        """
        with self._new_object() as fresh:
            parent, bits = self._inherited(index, slot, fresh)
            bits |= self._punch(Partial(fresh, parent, bits), inner, size)
            self._map.unsynced.touched(fresh)
            self._change_partly(index, fresh, parent, bits)

    def _zero_blocks(self, index: int, inner: int, size: int) -> None:
        partial = self._slots.partial(index)
        self._punch(partial, inner, size)
        self._map.unsynced.touched(partial.oid)
        self._fill(index, *blocks_of(inner, size))

    def _punch(self, partial: Partial, inner: int, size: int) -> int:
        """
        Zeros a range of a partial object, whose blocks' bits it returns.
        """
        self._objects.zero(partial.oid, inner, size)
        self._copy_edges(partial, inner, size)
        return mask_of(*blocks_of(inner, size))

    def own(self, index: int) -> None:
        """
        The object at ``index`` is our own and whole.  Raises OSError.
        """
        with self._map.lock:
            slot = self._slots.view[index]
            if not slot or self._slots.own_floor <= slot < PARTIAL:
                return
            if slot & PARTIAL and slot & ~PARTIAL >= self._slots.own_floor:
                partial = self._slots.partial(index)
                self._complete(partial)
                self._map.unsynced.touched(partial.oid)
                for first, count, is_in in list(runs(partial.bits, 0, BLOCKS)):
                    if not is_in:
                        self._map.fill(index, first, count)
            else:
                self._own_shared(index, slot)

    def _own_shared(self, index: int, slot: int) -> None:
        with self._new_object() as fresh:
            parent, bits = self._inherited(index, slot, fresh)
            self._complete(Partial(fresh, parent, bits))
            self._map.unsynced.touched(fresh)
            self._map.change(index, fresh)

    def _complete(self, partial: Partial) -> None:
        for first, count, is_in in runs(partial.bits, 0, BLOCKS):
            if is_in:
                continue
            start, size = first << BLOCK_SHIFT, count << BLOCK_SHIFT
            if partial.parent >= FIRST_OBJECT:
                self._objects.copy_range(partial.parent, partial.oid, start, size)
                continue
            for at in range(start, start + size, COPY_BYTES):
                self._copy_from_parent(partial, at, min(COPY_BYTES, start + size - at))


assert len(ZEROS) == OBJECT_BYTES
assert BLOCK_BYTES == 1 << BLOCK_SHIFT
