"""
An open volume: bytes in, bytes out, over a map of objects.

Order of things, so that a crash at any instant leaves a readable volume:

- a write to an object that is not there, or not ours: the new object gets its content, then the
  journal gets the change, then the write is acknowledged;
- a flush: objects first, then the commit record; then objects that the map let go are removed;
- a rewrite of the whole map: a flush, then the map is replaced atomically, then the journal goes.
"""

from __future__ import annotations

import errno
import threading
from array import array
from typing import TYPE_CHECKING

from archipelagod.volume.journal import Journal
from archipelagod.volume.map_format import OBJECT_BYTES, OBJECT_SHIFT, Header, encode
from archipelagod.volume.ranges import INNER, extents, pieces
from archipelagod.wire.errors import OutOfRange, ReadOnlyVolume, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archipelagod.stores.store import Store

MAPS = "maps"
ZEROS = memoryview(bytes(OBJECT_BYTES))
JOURNAL_LIMIT = 1 << 16  # changes, after which the map is written whole


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
        self.header = header
        self.slots = slots
        self._store = store
        self._session = session
        self._sequence = 0
        self._own_floor = header.own_from << 32
        self._journal = Journal(store, header.uid, header.serial, session)
        self._dirty: set[int] = set()  # never replaced, and copied by list(): both are atomic
        self._dropped: list[int] = []  # own objects that the map let go since the last flush
        self._lock = threading.RLock()  # whoever changes a slot
        self._flush_lock = threading.Lock()  # whoever flushes; taken before _lock
        self._failed = False
        self._is_ready = False  # the journal has begun, and no flush failed

    @property
    def size_bytes(self) -> int:
        """
        Size of the volume.
        """
        return self.header.size_bytes

    @property
    def is_read_only(self) -> bool:
        """
        Whether writes are refused.
        """
        return self.header.is_read_only

    @property
    def has_failed(self) -> bool:
        """
        Whether a flush failed: only a new opening helps.
        """
        return self._failed

    def read_into(self, offset: int, view: memoryview) -> None:
        """
        Fills ``view`` from ``offset`` (bytes).  Raises OutOfRange, OSError.
        """
        if offset + len(view) > self.header.size_bytes:
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
        if inner + size > OBJECT_BYTES or offset + size > self.header.size_bytes:
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
        if not self._is_ready:
            self._make_ready()
        if offset + size > self.header.size_bytes:
            raise OutOfRange(f"{self.name}: {size} bytes at {offset}")

    def _make_ready(self) -> None:
        self._check_health()
        if self.header.is_read_only:
            raise ReadOnlyVolume(self.name)
        with self._lock:
            if not self._journal.has_begun:
                self._journal.begin()
            self._is_ready = True

    def _check_health(self) -> None:
        if self._failed:
            raise StorageUnavailable(f"{self.name}: an earlier flush failed")

    def _fail(self, error: OSError) -> StorageUnavailable:
        self._failed = True
        self._is_ready = False
        return StorageUnavailable(f"{self.name}: {error.strerror}")

    def _write_part(self, index: int, inner: int, data: bytes | memoryview) -> None:
        slots = self.slots
        if index < len(slots) and (slot := slots[index]) >= self._own_floor:
            try:
                self._store.objects.write(slot, inner, data)
            except FileNotFoundError:
                if slots[index] == slot:
                    raise OSError(errno.EIO, f"{self.name}: object {slot:016x} is lost") from None
            else:
                self._dirty.add(slot)
                return
        with self._lock:
            self._write_slowly(index, inner, data)

    def _write_slowly(self, index: int, inner: int, data: bytes | memoryview) -> None:
        slot = self.slots[index] if index < len(self.slots) else 0
        if slot >= self._own_floor:  # another connection was first
            self._store.objects.write(slot, inner, data)
            self._dirty.add(slot)
            return
        fresh = self._next_object()
        if slot and len(data) < OBJECT_BYTES:
            self._store.objects.copy(slot, fresh)
        else:
            self._store.objects.create(fresh)
        try:
            self._store.objects.write(fresh, inner, data)
            self._dirty.add(fresh)
            self._change(index, fresh)
        except BaseException:
            self._store.objects.remove(fresh)
            raise

    def _next_object(self) -> int:
        if self._sequence > 0xFFFFFFFF:
            raise OSError(errno.EOVERFLOW, f"{self.name}: open it anew to write more objects")
        oid = self._session << 32 | self._sequence
        self._sequence += 1
        return oid

    def _change(self, index: int, slot: int) -> None:
        self._journal.change(index, slot)
        slots = self.slots
        if index >= len(slots):
            slots.frombytes(bytes(8 * (index + 1 - len(slots))))
        old = slots[index]
        slots[index] = slot
        if old >= self._own_floor:
            self._dropped.append(old)

    def zero(self, offset: int, size: int, *, is_hint: bool = False) -> None:
        """
        The range reads as zeros; whole objects are let go.  Raises as ``write``.

        is_hint: leave what can't be freed cheaply (NBD's TRIM).
        """
        self._check_change(offset, size)
        for index, inner, part in pieces(offset, size):
            end_of_volume = self.header.size_bytes - (index << OBJECT_SHIFT)
            if inner == 0 and part >= min(OBJECT_BYTES, end_of_volume):
                self._let_go(index)
            else:
                self._zero_part(index, inner, part, is_hint=is_hint)

    def _let_go(self, index: int) -> None:
        with self._lock:
            if index < len(self.slots) and self.slots[index]:
                self._change(index, 0)

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
                self._dirty.add(slot)
        elif slot and not is_hint:
            self._write_part(index, inner, ZEROS[:size])

    def is_hole(self, offset: int, size: int) -> bool:
        """
        Whether the range lies within one object, and that is not there.
        """
        index = offset >> OBJECT_SHIFT
        if (offset & INNER) + size > OBJECT_BYTES or offset + size > self.header.size_bytes:
            return False
        return size > 0 and (index >= len(self.slots) or not self.slots[index])

    def extents(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        The range as (bytes, holds data) parts, neighbours alike joined.  Raises OutOfRange.
        """
        if offset + size > self.header.size_bytes:
            raise OutOfRange(f"{self.name}: {size} bytes at {offset}")
        return extents(self.slots, offset, size)

    def flush(self) -> None:
        """
        Returns when every write acknowledged before the call is on stable storage.

        Raises StorageUnavailable for ever after an error: the kernel may have dropped the pages.
        """
        with self._flush_lock:
            self._flush()
            if self._journal.changes > max(JOURNAL_LIMIT, len(self.slots) // 4):
                with self._lock:
                    self._rewrite()

    def _flush(self) -> None:
        self._check_health()
        with self._lock:
            changes = self._journal.changes
            dropped, self._dropped = self._dropped, []
        dirty = list(self._dirty)
        self._dirty.difference_update(dirty)
        try:
            self._store.objects.flush(dirty)
            self._journal.commit(changes)
        except OSError as error:
            raise self._fail(error) from error
        for oid in dropped:
            self._store.objects.remove(oid)

    def _rewrite(self) -> None:
        """
        Brings map and journal together.  Both locks are held.
        """
        self._flush()
        header = self.header
        try:
            if self._journal.changes:
                own = sum(slot >= self._own_floor for slot in self.slots)
                header = header._replace(serial=header.serial + 1, own_objects=own)
                self._store.records.put(MAPS, self.name, encode(header, self.slots))
            self._journal.discard()
        except OSError as error:
            raise self._fail(error) from error
        self.header = header
        self._journal = Journal(self._store, header.uid, header.serial, self._session)
        self._is_ready = False

    def settle(self) -> None:
        """
        Flushes, and writes the map whole if it changed.  Raises StorageUnavailable.
        """
        with self._flush_lock, self._lock:
            if self._journal.has_begun:
                self._rewrite()

    def close(self) -> None:
        """
        As ``settle``; nobody may use the volume any more.  After a failed flush the journal stays,
        for the next opening to make the best of.
        """
        try:
            if not self._failed:
                self.settle()
        finally:
            self._journal.close()
