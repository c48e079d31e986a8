"""
The map of an open volume as the store has it: its record, and what becomes of that.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.stores.doubt import InDoubt
from archipelagod.volume.open_journal import Journal
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.wire.errors import NoSpace

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.map_format import Header
    from archipelagod.volume.open_map import OpenMap

MAPS = "maps"


class Checkpoint(NamedTuple):
    """
    What makes the journal's other log worthless: the map's record, to be written when the objects
    are on stable storage.
    """

    record: bytes
    objects: set[int]


class StoredMap:
    """
    Of ``opened``, whose locks are held by whoever calls anything but ``checkpoint``.
    """

    def __init__(self, store: Store, opened: OpenMap) -> None:
        self._store = store
        self._map = opened
        self._checkpoint: Checkpoint | None = None  # since the last turn of the journal
        self._checkpoint_lock = threading.Lock()  # whoever makes it; taken last
        self._old_bodies: list[int] = []  # our own, which the record in the store may still name

    @property
    def is_behind(self) -> bool:
        """
        Whether the log that the journal left is needed until ``checkpoint``.
        """
        return self._checkpoint is not None

    def has_turned(self) -> bool:
        """
        Has the journal go on in its other log; False where there is no room for one.  All that
        there is must be committed, no flush under way, and the log left before worthless.
        """
        opened = self._map
        header = opened.slots.counted()
        header, record, _ = opened.slots.stored(header._replace(serial=header.serial + 1), 0)
        try:
            opened.journal.turn(header.serial)
        except InDoubt as error:
            raise opened.fail(error) from error
        except OSError:  # there may be no room for a second log
            return False
        finally:
            opened.slots.header = header  # its serial may be that of the other log
        self._checkpoint = Checkpoint(record, opened.unsynced.take_logged())
        return True

    def checkpoint(self) -> None:
        """
        Makes the log that the journal left at its last turn worthless, if it is not yet.  Holds no
        flush up.  Any thread.

        Raises StorageUnavailable.
        """
        opened = self._map
        with self._checkpoint_lock:
            if self._checkpoint is None or opened.has_failed:
                return
            try:
                self._store.objects.flush(self._checkpoint.objects)
                opened.check_lease()
                self._store.records.put(MAPS, opened.name, self._checkpoint.record)
            except OSError as error:
                raise opened.fail(error) from error
            self._checkpoint = None

    def rewrite(self, own_from: int = 0, cut: Iterable[int] = ()) -> None:
        """
        Flushes and writes the map anew.  Both locks are held, and nobody writes.

        own_from: of a map that was frozen meanwhile: a session for this map's objects from now on.
        cut: objects that the journal calls garbage, to be removed before it forgets them.
        Raises StorageUnavailable.
        """
        opened = self._map
        opened.flush_objects(is_whole=True)
        if own_from:
            opened.slots.disown(own_from << 32)
        header = opened.slots.counted()
        header = header._replace(serial=header.serial + 1, own_from=own_from or header.own_from)
        try:
            opened.slots.header = self.put(MAPS, opened.name, header)
            if own_from:
                opened.begin_session(own_from)
            for oid in cut:
                self._store.objects.remove(oid)
                opened.unsynced.logged.discard(oid)
            opened.journal.begin_anew(header.serial, opened.session)
            self._remove_old_bodies()
        except OSError as error:
            raise opened.fail(error) from error

    def replace(self, serial: int) -> None:
        """
        Writes the map as it is, without a journal: for recovery.  Raises OSError.
        """
        opened = self._map
        header = opened.slots.counted()._replace(serial=serial)
        opened.slots.header = self.put(MAPS, opened.name, header)
        opened.journal = Journal(self._store, header.uid, header.serial, opened.session)
        self._remove_old_bodies()

    def put(self, room: str, name: str, header: Header) -> Header:
        """
        Stores the map as it is now, under ``header``; what became of that.  ``lock`` is held.

        Raises OSError.
        """
        opened = self._map
        old_body = opened.slots.header.body
        header, record, body = opened.slots.stored(header, opened.fresh_object())
        if body is not None:
            self._store.records.put(BODIES, body_name(header.body), body)
        self._store.records.put(room, name, record)
        opened.slots.settled(header, body)
        if body is not None and old_body >= opened.slots.own_floor:
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
        opened = self._map
        cut = opened.slots.resize(size_bytes)
        if cut:
            try:
                opened.journal.garbage(cut)
            except OSError as error:
                raise opened.fail(error) from error
        self.mark_end(has_stale_end, cut)

    def mark_end(self, has_stale_end: bool, cut: Iterable[int] = ()) -> None:
        """
        Writes the map anew, with that mark; see ``rewrite``.

        Raises StorageUnavailable.
        """
        opened = self._map
        opened.slots.header = opened.header._replace(has_stale_end=has_stale_end)
        try:
            self.rewrite(cut=cut)
        except NoSpace as error:  # the slots are others already
            raise opened.fail(OSError(errno.ENOSPC, str(error))) from error
