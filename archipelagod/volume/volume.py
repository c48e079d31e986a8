"""
An open volume: bytes in, bytes out, over a map of objects.

A write to an object that is not there, or not ours, makes a new one that holds the 4 KiB blocks
written; the others stay where they were.  First the object gets its content, then the journal of
the map gets the change, then the write is acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archipelagod.datapath.gate import Gate
from archipelagod.stores.reserve import FULL
from archipelagod.volume.map_format import (
    BLOCK_BYTES,
    BLOCKS,
    FIRST_OBJECT,
    OBJECT_BYTES,
    OBJECT_SHIFT,
    PARTIAL,
)
from archipelagod.volume.ranges import INNER, pieces
from archipelagod.volume.reading import Reading
from archipelagod.volume.writing import Writing
from archipelagod.wire.errors import OutOfRange, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archipelagod.stores.store import Store
    from archipelagod.volume.flushing import Commit
    from archipelagod.volume.open_map import OpenMap
    from archipelagod.volume.table import DirectEntry


class Usage(NamedTuple):
    """
    What an open volume takes, in bytes.
    """

    own: int
    shared: int
    dirty: int  # at most, in objects written since the last flush


class Volume:
    """
    See the module.  All methods but ``close`` may be called from any thread, and block.

    is_standby: it is another daemon's, who is about to hand it over; it can't be written.
    end: bytes that can be read; fewer than the size after a shrink that may have failed.

    Errors of the store come out as OSError; after one that leaves it unknown what is on stable
    storage every later write and flush raises StorageUnavailable, until the volume is opened anew.
    """

    def __init__(self, store: Store, opened: OpenMap, *, is_standby: bool = False) -> None:
        self.is_standby = is_standby
        self.name = opened.name
        self.size_bytes = self.end = opened.header.size_bytes
        self.is_read_only = opened.header.is_read_only
        self.gate = Gate()
        self.map = opened
        self._slots = opened.slots
        self._store = store
        self._reading = Reading(store, opened.slots, opened.name)
        self._writing = Writing(store, opened, self._reading)

    @property
    def has_failed(self) -> bool:
        """
        Whether a flush failed: only a new opening helps.
        """
        return self.map.has_failed

    def read_into(self, offset: int, view: memoryview) -> None:
        """
        Fills ``view`` from ``offset`` (bytes).  Raises OutOfRange, OSError.
        """
        self._check_range(offset, len(view))
        at = 0
        for index, inner, part in pieces(offset, len(view)):
            self._reading.read(index, inner, view[at : at + part])
            at += part

    def read_now(self, offset: int, view: memoryview) -> bool:
        """
        As ``read_into`` if that takes one object and no waiting for the medium; or False.
        """
        inner = offset & INNER
        size = len(view)
        if inner + size > OBJECT_BYTES or offset + size > self.end or not size:
            return False
        slot = self._slots.view[offset >> OBJECT_SHIFT]
        if FIRST_OBJECT <= slot < PARTIAL:
            try:
                return self._store.objects.read_now(slot, inner, view)
            except FileNotFoundError:
                return False
        return self._reading.read_now(offset >> OBJECT_SHIFT, inner, view)

    def prefetch(self, offset: int, size: int) -> None:
        """
        A hint that the range is about to be read.
        """
        for index, inner, part in pieces(offset, min(size, self.end - offset)):
            self._reading.prefetch(index, inner, part)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """
        Writes ``data`` at ``offset`` (bytes).  Raises OutOfRange, ReadOnlyVolume, OSError.
        """
        size = len(data)
        self._check_change(offset, size)
        inner = offset & INNER
        if size and inner + size <= OBJECT_BYTES:
            self._writing.write(offset >> OBJECT_SHIFT, inner, data)
            return
        view = memoryview(data)
        for index, start, part in pieces(offset, size):
            self._writing.write(index, start, view[:part])
            view = view[part:]

    def zero(self, offset: int, size: int, *, is_hint: bool = False) -> None:
        """
        The range reads as zeros; what it took is let go.  Raises as ``write``.

        is_hint: leave what can't be freed (NBD's TRIM).
        """
        self._check_change(offset, size)
        for index, inner, part in pieces(offset, size):
            end_of_volume = self.size_bytes - (index << OBJECT_SHIFT)
            if inner == 0 and part >= min(OBJECT_BYTES, end_of_volume):
                self._writing.let_go(index)
            else:
                self._writing.zero(index, inner, part, is_hint=is_hint)

    def own(self, offset: int, size: int) -> None:
        """
        Copies what of the range (whole objects) is shared, so that nothing of it is.  Archipelago's
        MAPW.  Raises as ``write``.
        """
        self._check_change(offset, size)
        for index, _, _ in pieces(offset, size):
            self._writing.own(index)

    def _check_range(self, offset: int, size: int) -> None:
        if offset + size > self.size_bytes:
            raise OutOfRange(f"{self.name}: {size} bytes at {offset}")
        if offset + size > self.end:
            raise StorageUnavailable(f"{self.name}: cut off or not, the next opening tells")

    def _check_change(self, offset: int, size: int) -> None:
        if not self.map.is_ready:
            self.map.make_ready()
        self._check_range(offset, size)

    def is_hole(self, offset: int, size: int) -> bool:
        """
        Whether the range lies within one object, and that is not there.
        """
        if (offset & INNER) + size > OBJECT_BYTES or offset + size > self.end:
            return False
        return size > 0 and not self._slots.view[offset >> OBJECT_SHIFT]

    def extents(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        The range as (bytes, holds data) parts, neighbours alike joined.  Raises OutOfRange.
        """
        self._check_range(offset, size)
        return self._reading.extents(offset, size)

    def allocated(self, offset: int, size: int) -> Iterator[tuple[int, bool]]:
        """
        As ``extents``, with the holes within objects where the store can tell.  Raises OutOfRange,
        OSError.
        """
        self._check_range(offset, size)
        return self._reading.allocated(offset, size)

    def mapping(self, offset: int, size: int) -> Iterator[tuple[int, int, str]]:
        """
        The range as (offset, bytes, kind) parts: "zero", "own", "shared" or "block".  Archipelago's
        MAPR.  Raises OutOfRange.
        """
        self._check_range(offset, size)
        return self._reading.mapping(offset, size)

    def direct_entry(self, index: int) -> DirectEntry | None:
        """
        How the object at ``index`` may be used without us, until the table hears otherwise; None
        when it can't.  The caller keeps ``map.lock`` until the table has the entry.
        """
        return self._reading.direct_entry(index)

    def usage(self) -> Usage:
        """
        What it takes now.
        """
        counted = self._slots.counted()
        own = counted.own_objects * OBJECT_BYTES + counted.own_blocks * BLOCK_BYTES
        everything = counted.all_objects * OBJECT_BYTES
        return Usage(own, everything - own, self.map.unsynced.count() * OBJECT_BYTES)

    def flush(self) -> None:
        """
        Returns when every write acknowledged before the call is on stable storage.

        Raises StorageUnavailable for ever after an error: the kernel may have dropped the pages.
        """
        self.finish_flush(self.begin_flush())

    def begin_flush(self) -> Commit | None:
        """
        The first half of ``flush``: everything acknowledged before is part of it.  What it returns
        is to be given to ``finish_flush``; several may be under way.  Raises StorageUnavailable.
        """
        return self.map.begin_flush()

    def finish_flush(self, commit: Commit | None) -> None:
        """
        The second half of ``flush``, which waits for the medium.  Raises StorageUnavailable.
        """
        self.map.finish_flush(commit)

    @property
    def wants_tidying(self) -> bool:
        """
        Whether ``tidy`` is due.
        """
        return self.map.wants_tidying

    def tidy(self) -> None:
        """
        Brings what flushes left in the journal nearer to the objects.  To be called while others go
        on.  Raises StorageUnavailable.
        """
        self.map.tidy()

    def sync(self) -> None:
        """
        Brings what flushes left in the journal into the objects.

        Raises StorageUnavailable.
        """
        self.map.sync()

    def resize(self, size_bytes: int) -> None:
        """
        Changes the size; what is cut off never comes back.  Raises as ``write``.
        """
        self._check_change(0, 0)
        with self.map.flush_lock, self.gate.closed(), self.map.lock:
            self.map.flush_objects(is_whole=True)  # without space it ends here
            is_within = size_bytes < self.size_bytes and size_bytes & INNER != 0
            self.map.table.resize(min(size_bytes, self.size_bytes))  # it knows no gate
            try:
                self.clear_end()  # there is one after a resize that failed
                self.map.stored.resize(size_bytes, has_stale_end=is_within)
                self.size_bytes = size_bytes
                self._clear_end_if_possible()
            finally:
                self.end = min(self.size_bytes, self.map.header.size_bytes)
                self.map.table.resize(self.end)

    def clear_end(self) -> None:
        """
        What was cut off within the last object must not show when the volume, or a clone of it,
        grows.  Both locks are held, nobody writes.  Raises as ``write``.
        """
        if self.map.header.has_stale_end:
            inner = self.size_bytes & INNER
            last = self.size_bytes >> OBJECT_SHIFT
            self._writing.zero(last, inner, OBJECT_BYTES - inner, is_hint=False)
            self.map.stored.mark_end(False)

    def _clear_end_if_possible(self) -> None:
        """
        Where there is no space for it the mark stays: it is done before the volume grows or is
        frozen.
        """
        try:
            self.clear_end()
        except OSError as error:
            if error.errno not in FULL:
                raise

    def make_whole(self) -> None:
        """
        Ends what a crash interrupted.  Raises StorageUnavailable, OSError.
        """
        if self.map.header.has_stale_end and not self.is_read_only:
            self.map.make_ready()
            try:
                with self.map.flush_lock, self.map.lock:
                    self.clear_end()
            except FileNotFoundError:
                return  # the object is missing: what else there is can be read, and it can't grow
            self.map.settle()  # who opens it to change its map finds nothing left to write

    def close(self) -> None:
        """
        Brings everything onto stable storage and into the map; nobody may use the volume any more.

        Raises StorageUnavailable.
        """
        self.map.close()


assert BLOCKS * BLOCK_BYTES == OBJECT_BYTES
