"""
Flushes of an open volume: what was written gets onto stable storage, in its objects or the journal.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.volume.map_format import PARTIAL
from archipelagod.volume.open_journal import JournalFull
from archipelagod.volume.unsynced import AHEAD_BYTES, LOGGED_BYTES, Range, merged
from archipelagod.wire.errors import NoSpace

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.open_map import OpenMap


class Commit(NamedTuple):
    """
    A flush that has begun.
    """

    number: int  # flushes end in the order in which they began
    changes: int  # of the journal, so many count then
    dropped: list[int]  # objects that the map let go before it
    is_waited_for: bool  # its end: the journal has it, but perhaps not for good


class Flushing:
    """
    For ``opened``, whose ``flush_lock`` covers all but ``finish``.

    Several flushes may be under way: each has its records in the journal when ``begin`` returns,
    and ``finish`` syncs the journal up to them, at least.  A flush promises what those before it
    promise, so none ends before them, or well when one of them failed.  Whatever else is done to
    objects or journal waits until none is.
    """

    def __init__(self, store: Store, opened: OpenMap) -> None:
        self._objects = store.objects
        self._map = opened
        self._dropped: list[int] = []  # own objects that the map let go since the last flush
        self._numbers = itertools.count()
        self._under_way: set[int] = set()
        self._ended = threading.Condition()

    def drop(self, oid: int) -> None:
        """
        The map let go of the object, which was its own.  ``lock`` is held.
        """
        self._dropped.append(oid)

    def begin(self, *, is_whole: bool = False) -> Commit:
        """
        A flush of everything that was acknowledged before, to be given to ``finish``.

        is_whole: everything into the objects.  Raises StorageUnavailable; NoSpace when it may be
        tried again.
        """
        opened = self._map
        opened.check_health()
        with opened.lock:
            changes = opened.journal.changes
            dropped, self._dropped = self._dropped, []
        try:
            is_waited_for = self._write(changes, is_whole=is_whole)
        except JournalFull as error:
            with opened.lock:
                self._dropped += dropped
            raise NoSpace(f"{opened.name}: its journal can't grow") from error
        except OSError as error:
            raise opened.fail(error) from error
        with self._ended:
            number = next(self._numbers)
            self._under_way.add(number)
        return Commit(number, changes, dropped, is_waited_for)

    def finish(self, commit: Commit) -> None:
        """
        Returns when all of it is on stable storage.  Any thread, once for each ``begin``.

        Raises StorageUnavailable.
        """
        opened = self._map
        try:
            if commit.is_waited_for:
                opened.journal.make_stable(commit.changes)
            self._wait_for_earlier(commit.number)
            opened.check_lease()  # what another took over meanwhile does not have this
            for oid in commit.dropped:
                self._objects.remove(oid)
                opened.unsynced.logged.discard(oid)
        except OSError as error:
            raise opened.fail(error) from error
        finally:
            with self._ended:
                self._under_way.discard(commit.number)
                self._ended.notify_all()

    def _wait_for_earlier(self, number: int) -> None:
        """
        Returns when flushes that began before have ended well.  Raises StorageUnavailable.
        """
        with self._ended:
            while min(self._under_way) < number:
                self._ended.wait()
        self._map.check_health()

    def drain(self) -> None:
        """
        Returns when no flush is under way.
        """
        with self._ended:
            while self._under_way:
                self._ended.wait()

    def _write(self, changes: int, *, is_whole: bool) -> bool:
        """
        Whether the journal has to be made stable.
        """
        opened, unsynced = self._map, self._map.unsynced
        ranges, touched = unsynced.take()
        self._take_from_table(ranges, touched)
        written = {oid for oid, _, _ in ranges}
        parts = list(merged(ranges))
        is_simple = len(written) == 1 and not unsynced.logged  # one sync does for it too
        if is_simple and changes <= opened.journal.committed:
            is_whole = True
        if is_whole or touched or sum(size for *_, size in parts) > LOGGED_BYTES:
            self._sync_objects(written | touched, changes)
            return False
        data = self._data(parts)
        size = len(data)
        try:
            is_waited_for = opened.journal.commit(changes, data)
        except JournalFull:
            self._sync_objects(written, changes)  # that takes less room
            return False
        unsynced.has_logged(written, size)
        return is_waited_for

    def _sync_objects(self, oids: set[int], changes: int) -> None:
        """
        The objects, and those whose content is only in the journal, have everything.
        """
        opened, unsynced = self._map, self._map.unsynced
        self.drain()
        opened.stored.checkpoint()  # or its log would count, and what is synced now be overwritten
        opened.check_lease()
        self._objects.flush(oids | unsynced.logged)
        try:
            opened.journal.synced(changes)
        except JournalFull:
            for oid in oids:
                unsynced.touched(oid)
            raise
        unsynced.has_synced()

    def _take_from_table(self, ranges: list[Range], touched: set[int]) -> None:
        view = self._map.slots.view
        indices, written = self._map.table.take_written()
        if written is None:
            touched.update(view[index] & ~PARTIAL for index in indices)
        else:
            ranges += [(view[index] & ~PARTIAL, inner, size) for index, inner, size in written]

    def _data(self, parts: list[Range]) -> bytearray:
        """
        What the journal is to have of the ranges.
        """
        journal = self._map.journal
        found = self._map.table.gather(parts, journal.tag, journal.salt)
        if found is not None:
            return found
        found = bytearray()
        for oid, inner, size in parts:
            content = bytearray(size)
            try:
                self._objects.read_into(oid, inner, memoryview(content))
            except FileNotFoundError:
                continue  # it was let go meanwhile
            found += journal.data(oid, inner, content)
            found += content
        return found

    @property
    def wants_writing(self) -> bool:
        """
        Whether it is time for ``start_writing``.
        """
        return self._map.unsynced.unwritten_bytes > AHEAD_BYTES

    def start_writing(self) -> None:
        """
        Has the medium begin with what only the journal has on stable storage, so that ``sync``
        finds little left to do.  Holds nobody up.
        """
        with self._map.flush_lock:
            unwritten = self._map.unsynced.take_unwritten()
        self._objects.start_writing(unwritten)
