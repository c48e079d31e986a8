"""
The map of an open volume: changes of slots, and what it takes to make them last.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.stores.doubt import InDoubt
from archipelagod.volume.flushing import Commit, Flushing
from archipelagod.volume.map_format import PARTIAL, Header, Record
from archipelagod.volume.open_journal import Journal
from archipelagod.volume.slots import BODIES, Slots, body_name
from archipelagod.volume.table import NoTable, Table
from archipelagod.volume.unsynced import Unsynced
from archipelagod.wire.errors import NoSpace, ReadOnlyVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store

MAPS = "maps"
JOURNAL_BYTES = 32 << 20  # of a log, after which the other goes on
JOURNAL_LIMIT = 1 << 16  # changes, after which the map is written anew


class Checkpoint(NamedTuple):
    """
    What makes the journal's other log worthless: the map's record, to be written when the objects
    are on stable storage.
    """

    record: bytes
    objects: set[int]


class OpenMap:
    """
    Order of things, so that a crash at any instant leaves a readable volume:

    - a flush: the objects, or what was written to them as data in the journal, then the commit
      record; then objects that the map let go are removed.  Several may be under way;
    - a rewrite of the map: a flush of the objects, then a new body if it needs one, then the
      record is replaced, then the journal; each atomically;
    - a turn of the journal: a flush, then the other log begins; later the objects are flushed, and
      the record is replaced by what it was to be at the turn.

    Any thread may call; whoever changes a slot holds ``lock``.
    """

    def __init__(
        self, store: Store, name: str, record: Record, session: int, lease: ILease | None
    ) -> None:
        self.slots = Slots(store, record)
        self.table: Table = NoTable()
        self.unsynced = Unsynced()
        self.flushing = Flushing(store, self)
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
        self.journal = Journal(store, record.header.uid, record.header.serial, session)
        self._checkpoint: Checkpoint | None = None  # since the last turn of the journal
        self._checkpoint_lock = threading.Lock()  # whoever makes it; taken last
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
            if not self.journal.has_begun:
                self.journal.begin()
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
            self.journal.change(index, slot)
        self.table.forget(index)
        self._drop(self.slots.put(index, slot))

    def change_partly(self, index: int, oid: int, parent: int, runs: list[tuple[int, int]]) -> None:
        """
        As ``change``, to an object with (first, count) runs of blocks; ``parent`` has the others.
        """
        with self._certain():
            self.journal.change_partly(index, oid | PARTIAL, parent, runs)
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
            self.journal.fill(index, self.slots.view[index], first, count)
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
            self.flushing.drop(old & ~PARTIAL)

    def begin_flush(self) -> Commit | None:
        """
        See Volume.
        """
        with self.flush_lock:
            commit = self.flushing.begin()
            if not self._is_long:
                return commit
            self.flushing.finish(commit)
            with self.lock, contextlib.suppress(NoSpace):  # nothing is lost without it
                self._shorten()
            return None

    def finish_flush(self, commit: Commit | None) -> None:
        """
        See Volume.
        """
        if commit is not None:
            self.flushing.finish(commit)

    @property
    def _is_long(self) -> bool:
        """
        Whether something has to be done about the journal's length.
        """
        most_changes = max(self.journal_limit, len(self.slots.view) // 4)
        most_bytes = JOURNAL_BYTES * (2 if self._checkpoint else 1)
        return self.journal.size_bytes > most_bytes or self.journal.changes > most_changes

    def _shorten(self) -> None:
        """
        Has the other log go on, if the map's record has room for all changes; or writes the map.
        Both locks are held.
        """
        self.checkpoint()
        self.flush_objects()
        self.flushing.drain()
        if self.slots.needs_body or not self._has_turned():
            self.rewrite()

    def _has_turned(self) -> bool:
        header = self.slots.counted()
        header, record, _ = self.slots.stored(header._replace(serial=header.serial + 1), 0)
        try:
            self.journal.turn(header.serial)
        except InDoubt as error:
            raise self.fail(error) from error
        except OSError:  # there may be no room for a second log
            return False
        finally:
            self.slots.header = header  # its serial may be that of the other log
        self._checkpoint = Checkpoint(record, self.unsynced.take_logged())
        return True

    def checkpoint(self) -> None:
        """
        Makes the log that the journal left at its last turn worthless, if it is not yet.  Holds no
        flush up.  Any thread.

        Raises StorageUnavailable.
        """
        with self._checkpoint_lock:
            if self._checkpoint is None or self.has_failed:
                return
            try:
                self._store.objects.flush(self._checkpoint.objects)
                self.check_lease()
                self._store.records.put(MAPS, self.name, self._checkpoint.record)
            except OSError as error:
                raise self.fail(error) from error
            self._checkpoint = None

    def flush_objects(self, *, is_whole: bool = False) -> None:
        """
        What was written, then the journal's commit.  ``flush_lock`` is held.

        is_whole: everything into the objects.  Raises StorageUnavailable; NoSpace when it may be
        tried again.
        """
        self.flushing.finish(self.flushing.begin(is_whole=is_whole))

    @property
    def wants_tidying(self) -> bool:
        """
        Whether it is time for ``tidy``.
        """
        return self._checkpoint is not None or self.flushing.wants_writing

    def tidy(self) -> None:
        """
        See Volume.
        """
        self.flushing.start_writing()
        self.checkpoint()

    def sync(self) -> None:
        """
        Brings everything into the objects.  Raises StorageUnavailable.
        """
        with self.flush_lock:
            self.flush_objects(is_whole=True)

    def check_lease(self) -> None:
        """
        Raises LeaseLost.
        """
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
            self.journal.begin_anew(header.serial, self.session)
            self._remove_old_bodies()
        except OSError as error:
            raise self.fail(error) from error

    def replace_record(self, serial: int) -> None:
        """
        Writes the map as it is, without a journal: for recovery.  Raises OSError.
        """
        header = self.slots.counted()._replace(serial=serial)
        self.slots.header = self.put_record(MAPS, self.name, header)
        self.journal = Journal(self._store, header.uid, header.serial, self.session)
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
                self.journal.garbage(cut)
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
            self.flushing.drain()
            if not self.journal.has_begun:
                return
            self.is_ready = False
            self.flush_objects(is_whole=True)
            if self.journal.changes:
                self.rewrite()
            try:
                self.journal.discard()
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
            self.journal.close()
            if self._lease is not None:
                self._lease.release()
