"""
An open volume: bytes in, bytes out, over a map of objects.

A write to an object that is not there, or not ours, makes a new one: first the object gets its
content, then the journal of the map gets the change, then the write is acknowledged.
"""

from __future__ import annotations

import errno
from array import array
from typing import TYPE_CHECKING

from archipelagod.volume.map_format import OBJECT_BYTES, OBJECT_SHIFT, Header
from archipelagod.volume.open_map import OpenMap
from archipelagod.volume.ranges import INNER, extents, pieces
from archipelagod.wire.errors import OutOfRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archipelagod.stores.store import Store

ZEROS = memoryview(bytes(OBJECT_BYTES))


class Volume:
    """
    See the module.  All methods but ``close`` may be called from any thread, and block.

    Errors of the store come out as OSError; after one that leaves it unknown what is on stable
    storage every later write and flush raises StorageUnavailable, until the volume is opened anew.
    """

    def __init__(
        self, store: Store, name: str, header: Header, slots: array[int], session: int
    ) -> None:
        self.name = name
        self.slots = slots
        self.size_bytes = header.size_bytes
        self.is_read_only = header.is_read_only
        self._store = store
        self._map = OpenMap(store, name, header, slots, session)
        self._own_floor = self._map.own_floor

    @property
    def has_failed(self) -> bool:
        """
        Whether a flush failed: only a new opening helps.
        """
        return self._map.has_failed

    def read_into(self, offset: int, view: memoryview) -> None:
        """
        Fills ``view`` from ``offset`` (bytes).  Raises OutOfRange, OSError.
        """
        if offset + len(view) > self.size_bytes:
            raise OutOfRange(f"{self.name}: {len(view)} bytes at {offset}")
        at = 0
        size = len(view)
        while at < size:
            inner = (offset + at) & INNER
            part = min(size - at, OBJECT_BYTES - inner)
            self._read_part((offset + at) >> OBJECT_SHIFT, inner, view[at : at + part])
            at += part

    def _read_part(self, index: int, inner: int, view: memoryview) -> None:
        slots = self.slots
        slot = slots[index] if index < len(slots) else 0
        done = 0
        while slot:
            try:
                done = self._store.objects.read_into(slot, inner, view)
                break
            except FileNotFoundError:
                if slots[index] == slot:
                    raise OSError(errno.EIO, f"{self.name}: object {slot:016x} is lost") from None
                slot = slots[index]  # another connection let it go meanwhile
        if done < len(view):
            view[done:] = ZEROS[: len(view) - done]

    def read_now(self, offset: int, view: memoryview) -> bool:
        """
        As ``read_into`` if that takes one object and no waiting for the medium; or False.
        """
        inner = offset & INNER
        size = len(view)
        if inner + size > OBJECT_BYTES or offset + size > self.size_bytes:
            return False
        index = offset >> OBJECT_SHIFT
        slot = self.slots[index] if index < len(self.slots) else 0
        if not slot:
            view[:] = ZEROS[:size]
            return True
        try:
            return self._store.objects.read_now(slot, inner, view)
        except FileNotFoundError:
            return False

    def prefetch(self, offset: int, size: int) -> None:
        """
        A hint that the range is about to be read.
        """
        for index, inner, part in pieces(offset, size):
            if index < len(self.slots) and self.slots[index]:
                self._store.objects.prefetch(self.slots[index], inner, part)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """
        Writes ``data`` at ``offset`` (bytes).  Raises OutOfRange, ReadOnlyVolume, OSError.
        """
        size = len(data)
        self._check_change(offset, size)
        inner = offset & INNER
        if inner + size <= OBJECT_BYTES:
            self._write_part(offset >> OBJECT_SHIFT, inner, data)
            return
        view = memoryview(data)
        for index, start, part in pieces(offset, size):
            self._write_part(index, start, view[:part])
            view = view[part:]

    def _check_change(self, offset: int, size: int) -> None:
        if not self._map.is_ready:
            self._map.make_ready()
        if offset + size > self.size_bytes:
            raise OutOfRange(f"{self.name}: {size} bytes at {offset}")

    def _write_part(self, index: int, inner: int, data: bytes | memoryview) -> None:
        slots = self.slots
        if index < len(slots) and (slot := slots[index]) >= self._own_floor:
            try:
                self._store.objects.write(slot, inner, data)
            except FileNotFoundError:
                if slots[index] == slot:
                    raise OSError(errno.EIO, f"{self.name}: object {slot:016x} is lost") from None
            else:
                self._map.dirty.add(slot)
                return
        with self._map.lock:
            self._write_slowly(index, inner, data)

    def _write_slowly(self, index: int, inner: int, data: bytes | memoryview) -> None:
        slot = self.slots[index] if index < len(self.slots) else 0
        if slot >= self._own_floor:  # another connection was first
            self._store.objects.write(slot, inner, data)
            self._map.dirty.add(slot)
            return
        fresh = self._map.fresh_object()
        if slot and len(data) < OBJECT_BYTES:
            self._store.objects.copy(slot, fresh)
        else:
            self._store.objects.create(fresh)
        try:
            self._store.objects.write(fresh, inner, data)
            self._map.dirty.add(fresh)
            self._map.change(index, fresh)
        except BaseException:
            self._store.objects.remove(fresh)
            raise

    def zero(self, offset: int, size: int, *, is_hint: bool = False) -> None:
        """
        The range reads as zeros; whole objects are let go.  Raises as ``write``.

        is_hint: leave what can't be freed cheaply (NBD's TRIM).
        """
        self._check_change(offset, size)
        for index, inner, part in pieces(offset, size):
            end_of_volume = self.size_bytes - (index << OBJECT_SHIFT)
            if inner == 0 and part >= min(OBJECT_BYTES, end_of_volume):
                self._let_go(index)
            else:
                self._zero_part(index, inner, part, is_hint=is_hint)

    def _let_go(self, index: int) -> None:
        with self._map.lock:
            if index < len(self.slots) and self.slots[index]:
                self._map.change(index, 0)

    def _zero_part(self, index: int, inner: int, size: int, *, is_hint: bool) -> None:
        slot = self.slots[index] if index < len(self.slots) else 0
        if slot >= self._own_floor:
            try:
                self._store.objects.zero(slot, inner, size)
            except FileNotFoundError:
                if self.slots[index] == slot:
                    raise OSError(errno.EIO, f"{self.name}: object {slot:016x} lost") from None
                self._zero_part(index, inner, size, is_hint=is_hint)
            else:
                self._map.dirty.add(slot)
        elif slot and not is_hint:
            self._write_part(index, inner, ZEROS[:size])

    def is_hole(self, offset: int, size: int) -> bool:
        """
        Whether the range lies within one object, and that is not there.
        """
        index = offset >> OBJECT_SHIFT
        if (offset & INNER) + size > OBJECT_BYTES or offset + size > self.size_bytes:
            return False
        return size > 0 and (index >= len(self.slots) or not self.slots[index])

    def extents(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        The range as (bytes, holds data) parts, neighbours alike joined.  Raises OutOfRange.
        """
        if offset + size > self.size_bytes:
            raise OutOfRange(f"{self.name}: {size} bytes at {offset}")
        return extents(self.slots, offset, size)

    def flush(self) -> None:
        """
        Returns when every write acknowledged before the call is on stable storage.

        Raises StorageUnavailable for ever after an error: the kernel may have dropped the pages.
        """
        self._map.flush()

    def close(self) -> None:
        """
        Brings everything onto stable storage and into the map; nobody may use the volume any more.

        Raises StorageUnavailable.
        """
        self._map.close()
