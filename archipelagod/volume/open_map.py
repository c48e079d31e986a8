"""
The map of an open volume: changes of slots, and what it takes to make them last.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.stores.doubt import InDoubt
from archipelagod.volume.flushing import Commit, Flushing
from archipelagod.volume.map_format import PARTIAL, Header, Record
from archipelagod.volume.open_journal import Journal
from archipelagod.volume.slots import Slots
from archipelagod.volume.stored_map import StoredMap
from archipelagod.volume.table import NoTable, Table
from archipelagod.volume.unsynced import Unsynced
from archipelagod.wire.errors import NoSpace, ReadOnlyVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store

JOURNAL_BYTES = 32 << 20  # of a log, after which the other goes on
JOURNAL_LIMIT = 1 << 16  # changes, after which the map is written anew


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
        self._lease = lease
        self.session = session
        self._sequence = 0
        self.journal = Journal(store, record.header.uid, record.header.serial, session)
        self.stored = StoredMap(store, self)

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

    def begin_session(self, session: int) -> None:
        """
        Objects made from here on have names of that session.  ``lock`` is held.
        """
        self.session, self._sequence = session, 0

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
        most_bytes = JOURNAL_BYTES * (2 if self.stored.is_behind else 1)
        return self.journal.size_bytes > most_bytes or self.journal.changes > most_changes

    def _shorten(self) -> None:
        """
        Has the other log go on, if the map's record has room for all changes; or writes the map.
        Both locks are held.
        """
        self.stored.checkpoint()
        self.flush_objects()
        self.flushing.drain()
        if self.slots.needs_body or not self.stored.has_turned():
            self.stored.rewrite()

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
        return self.stored.is_behind or self.flushing.wants_writing

    def tidy(self) -> None:
        """
        See Volume.
        """
        self.flushing.start_writing()
        self.stored.checkpoint()

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
                self.stored.rewrite()
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
            try:
                self.journal.close()
            except OSError as error:
                raise self.fail(error) from error
            finally:
                if self._lease is not None:
                    self._lease.release()
