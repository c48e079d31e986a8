"""
The map of an open volume: changes of slots, and what it takes to make them last.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from archipelagod.stores.doubt import InDoubt
from archipelagod.volume.map_format import PARTIAL, Header, Record
from archipelagod.volume.open_journal import Journal, JournalFull
from archipelagod.volume.slots import BODIES, Slots, body_name
from archipelagod.volume.table import NoTable, Table
from archipelagod.volume.unsynced import AHEAD_BYTES, LOGGED_BYTES, Range, Unsynced, merged
from archipelagod.wire.errors import NoSpace, ReadOnlyVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store

MAPS = "maps"
JOURNAL_BYTES = 32 << 20  # after which a new one begins, in a quiet moment
JOURNAL_LIMIT = 1 << 16  # changes, after which the map is written anew


class OpenMap:
    """
    Order of things, so that a crash at any instant leaves a readable volume:

    - a flush: the objects, or what was written to them as data in the journal, then the commit
      record; then objects that the map let go are removed;
    - a rewrite of the map: a flush of the objects, then a new body if it needs one, then the
      record is replaced, then the journal; each atomically.

    Any thread may call; whoever changes a slot holds ``lock``.
    """

    def __init__(
        self, store: Store, name: str, record: Record, session: int, lease: ILease | None
    ) -> None:
        self.slots = Slots(store, record)
        self.table: Table = NoTable()
        self.unsynced = Unsynced()
        self.lock = threading.RLock()
        self.flush_lock = threading.RLock()  # whoever flushes; taken before ``lock``
        self.is_ready = False  # the journal has begun, and no flush failed
        self.has_failed = False
        self.journal_limit = JOURNAL_LIMIT
        self.name = name
        self._store = store
        self._lease = lease
        self.session = session
        self._sequence = 0
        self._journal = Journal(store, record.header.uid, record.header.serial, session)
        self._dropped: list[int] = []  # own objects that the map let go since the last flush
        self._old_bodies: list[int] = []  # our own, which the record in the store may still name

    @property
    def header(self) -> Header:
        """
        As last written.
        """
        return self.slots.header

    def make_ready(self) -> None:
        """
        To be called before the first write, when ``is_ready`` is false.

        Raises ReadOnlyVolume, StorageUnavailable, OSError.
        """
        self.check_health()
        if self.header.is_read_only:
            raise ReadOnlyVolume(self.name)
        with self.lock:
            if not self._journal.has_begun:
                self._journal.begin()
            self.is_ready = True
            self.table.forget_all()  # now some may be written

    def check_health(self) -> None:
        """
        Raises StorageUnavailable after a failed flush.
        """
        if self.has_failed:
            raise StorageUnavailable(f"{self.name}: an earlier flush failed")

    def fail(self, error: OSError) -> StorageUnavailable:
        """
        It is not known what is on stable storage: nothing more is acknowledged.
        """
        self.has_failed = True
        self.is_ready = False
        self.table.freeze()
        return StorageUnavailable(f"{self.name}: {error.strerror or error}")

    def fresh_object(self) -> int:
        """
        A name that no object or body ever had.  Raises OSError.
        """
        with self.lock:
            if self._sequence > 0xFFFFFFFF:
                raise OSError(errno.EOVERFLOW, f"{self.name}: open it anew to write more objects")
            oid = self.session << 32 | self._sequence
            self._sequence += 1
            return oid

    def change(self, index: int, slot: int) -> None:
        """
        ``index`` holds ``slot`` from here on, even if this process dies.  Raises OSError when
        nothing changed, StorageUnavailable when that is not known.
        """
        with self._certain():
            self._journal.change(index, slot)
        self.table.forget(index)
        self._drop(self.slots.put(index, slot))

    def change_partly(self, index: int, oid: int, parent: int, runs: list[tuple[int, int]]) -> None:
        """
        As ``change``, to an object with (first, count) runs of blocks; ``parent`` has the others.
        """
        with self._certain():
            self._journal.change_partly(index, oid | PARTIAL, parent, runs)
        old = self.slots.put(index, oid | PARTIAL, parent)
        for first, count in runs:
            self.slots.fill(index, first, count)
        self.table.forget(index)
        self._drop(old)

    def fill(self, index: int, first: int, count: int) -> None:
        """
        The partial object at ``index`` has these blocks from here on.  Raises as ``change``.
        """
        with self._certain():
            self._journal.fill(index, self.slots.view[index], first, count)
        self.slots.fill(index, first, count)
        self.table.fill(index, first, count)

    @contextlib.contextmanager
    def _certain(self) -> Iterator[None]:
        """
        What the journal may say or not is found out by the next opening; what was written since
        would be lost with it.
        """
        try:
            yield
        except InDoubt as error:
            raise self.fail(error) from error

    def _drop(self, old: int) -> None:
        if old & ~PARTIAL >= self.slots.own_floor:
            self._dropped.append(old & ~PARTIAL)

    def flush(self) -> None:
        """
        See Volume.
        """
        with self.flush_lock:
            self.flush_objects()
            most_changes = max(self.journal_limit, len(self.slots.view) // 4)
            is_long = self._journal.size_bytes > 2 * JOURNAL_BYTES
            if is_long or self._journal.changes > most_changes:
                with self.lock:
                    self.rewrite()

    def flush_objects(self, *, is_whole: bool = False) -> None:
        """
        What was written, then the journal's commit.  ``flush_lock`` is held.

        is_whole: everything into the objects.  Raises StorageUnavailable; NoSpace when it may be
        tried again.
        """
        self.check_health()
        with self.lock:
            changes = self._journal.changes
            dropped, self._dropped = self._dropped, []
        try:
            self._check_lease()
            self._make_stable(changes, is_whole=is_whole)
            self._check_lease()  # again: what another took over meanwhile does not have this
        except JournalFull as error:
            with self.lock:
                self._dropped += dropped
            raise NoSpace(f"{self.name}: its journal can't grow") from error
        except OSError as error:
            raise self.fail(error) from error
        for oid in dropped:
            self._store.objects.remove(oid)
            self.unsynced.logged.discard(oid)

    def _make_stable(self, changes: int, *, is_whole: bool) -> None:
        ranges, touched = self.unsynced.take()
        self._take_from_table(ranges, touched)
        written = {oid for oid, _, _ in ranges}
        parts = list(merged(ranges))
        is_simple = len(written) == 1 and not self.unsynced.logged  # one sync does for it too
        if is_simple and changes <= self._journal.committed:
            is_whole = True
        if is_whole or touched or sum(size for *_, size in parts) > LOGGED_BYTES:
            self._sync_objects(written | touched, changes)
            return
        data = self._data(parts)
        size = len(data)
        try:
            self._journal.commit(changes, data)
        except JournalFull:
            self._sync_objects(written, changes)  # that takes less room
        else:
            self.unsynced.has_logged(written, size)

    def _sync_objects(self, oids: set[int], changes: int) -> None:
        """
        The objects, and those whose content is only in the journal, have everything.
        """
        self._store.objects.flush(oids | self.unsynced.logged)
        try:
            self._journal.synced(changes)
        except JournalFull:
            for oid in oids:
                self.unsynced.touched(oid)
            raise
        self.unsynced.has_synced()

    def _take_from_table(self, ranges: list[Range], touched: set[int]) -> None:
        view = self.slots.view
        indices, written = self.table.take_written()
        if written is None:
            touched.update(view[index] & ~PARTIAL for index in indices)
        else:
            ranges += [(view[index] & ~PARTIAL, inner, size) for index, inner, size in written]

    def _data(self, parts: list[Range]) -> bytearray:
        """
        What the journal is to have of the ranges.
        """
        found = self.table.gather(parts, self._journal.tag, self._journal.salt)
        if found is not None:
            return found
        found = bytearray()
        for oid, inner, size in parts:
            content = bytearray(size)
            try:
                self._store.objects.read_into(oid, inner, memoryview(content))
            except FileNotFoundError:
                continue  # it was let go meanwhile
            found += self._journal.data(oid, inner, content)
            found += content
        return found

    @property
    def wants_writing(self) -> bool:
        """
        Whether it is time for ``start_writing``.
        """
        return self.unsynced.unwritten_bytes > AHEAD_BYTES

    def start_writing(self) -> None:
        """
        Has the medium begin with what only the journal has on stable storage, so that ``sync``
        finds little left to do.  Holds nobody up.
        """
        with self.flush_lock:
            unwritten = self.unsynced.take_unwritten()
        self._store.objects.start_writing(unwritten)

    @property
    def wants_sync(self) -> bool:
        """
        Whether the journal is so long that it is time for ``sync``.
        """
        return self._journal.size_bytes > JOURNAL_BYTES

    def sync(self) -> None:
        """
        Brings everything into the objects, and a long journal into the map.

        Raises StorageUnavailable.
        """
        with self.flush_lock:
            self.flush_objects(is_whole=True)
            if self.wants_sync:
                with self.lock:
                    self.rewrite()

    def _check_lease(self) -> None:
        if self._lease is not None:
            self._lease.check()

    def rewrite(self, own_from: int = 0, cut: Iterable[int] = ()) -> None:
        """
        Flushes and writes the map anew.  Both locks are held, and nobody writes.

        own_from: of a map that was frozen meanwhile: a session for this map's objects from now on.
        cut: objects that the journal calls garbage, to be removed before it forgets them.
        Raises StorageUnavailable.
        """
        self.flush_objects(is_whole=True)
        if own_from:
            self.slots.disown(own_from << 32)
        header = self.slots.counted()
        header = header._replace(serial=header.serial + 1, own_from=own_from or header.own_from)
        try:
            self.slots.header = self.put_record(MAPS, self.name, header)
            if own_from:
                self.session, self._sequence = own_from, 0
            for oid in cut:
                self._store.objects.remove(oid)
                self.unsynced.logged.discard(oid)
            self._journal.begin_anew(header.serial, self.session)
            self._remove_old_bodies()
        except OSError as error:
            raise self.fail(error) from error

    def replace_record(self) -> None:
        """
        Writes the map as it is, without a journal: for recovery.  Raises OSError.
        """
        header = self.slots.counted()
        header = header._replace(serial=header.serial + 1)
        self.slots.header = self.put_record(MAPS, self.name, header)
        self._journal = Journal(self._store, header.uid, header.serial, self.session)
        self._remove_old_bodies()

    def put_record(self, room: str, name: str, header: Header) -> Header:
        """
        Stores the map as it is now, under ``header``; what became of that.  ``lock`` is held.

        Raises OSError.
        """
        old_body = self.slots.header.body
        header, record, body = self.slots.stored(header, self.fresh_object())
        if body is not None:
            self._store.records.put(BODIES, body_name(header.body), body)
        self._store.records.put(room, name, record)
        self.slots.settled(header, body)
        if body is not None and old_body >= self.slots.own_floor:
            self._old_bodies.append(old_body)
        return header

    def _remove_old_bodies(self) -> None:
        while self._old_bodies:
            self._store.records.remove(BODIES, body_name(self._old_bodies.pop()))

    def resize(self, size_bytes: int, *, has_stale_end: bool) -> None:
        """
        Changes the size; objects beyond it go.  Both locks are held, nobody writes.

        Raises StorageUnavailable.
        """
        cut = self.slots.resize(size_bytes)
        if cut:
            try:
                self._journal.garbage(cut)
            except OSError as error:
                raise self.fail(error) from error
        self.mark_end(has_stale_end, cut)

    def mark_end(self, has_stale_end: bool, cut: Iterable[int] = ()) -> None:
        """
        Writes the map anew, with that mark; see ``rewrite``.

        Raises StorageUnavailable.
        """
        self.slots.header = self.header._replace(has_stale_end=has_stale_end)
        try:
            self.rewrite(cut=cut)
        except NoSpace as error:  # the slots are others already
            raise self.fail(OSError(errno.ENOSPC, str(error))) from error

    def settle(self) -> None:
        """
        Flushes, and brings everything into the map.  Nobody may write meanwhile.

        Raises StorageUnavailable.
        """
        with self.flush_lock, self.lock:
            if not self._journal.has_begun:
                return
            self.is_ready = False
            self.flush_objects(is_whole=True)
            if self._journal.changes:
                self.rewrite()
            try:
                self._journal.discard()
            except OSError as error:
                raise self.fail(error) from error

    def close(self) -> None:
        """
        As ``settle``, and for good.  After a failed flush the journal stays, for the next opening
        to make the best of.
        """
        try:
            if not self.has_failed:
                self.settle()
        except NoSpace as error:  # not a refusal of what was done before
            raise StorageUnavailable(str(error)) from error
        finally:
            self._journal.close()
            if self._lease is not None:
                self._lease.release()
