"""
The map of an open volume: changes of slots, and what it takes to make them last.
"""

from __future__ import annotations

import errno
import threading
from array import array
from typing import TYPE_CHECKING

from archipelagod.volume.journal import Journal
from archipelagod.volume.map_format import Header, encode
from archipelagod.wire.errors import ReadOnlyVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

MAPS = "maps"
JOURNAL_LIMIT = 1 << 16  # changes, after which the map is written whole


class OpenMap:
    """
    Order of things, so that a crash at any instant leaves a readable volume:

    - a flush: objects first, then the commit record; then objects that the map let go are removed;
    - a rewrite of the whole map: a flush, then the map is replaced, then the journal; both
      atomically.

    Any thread may call; whoever changes a slot holds ``lock``.
    """

    def __init__(
        self, store: Store, name: str, header: Header, slots: array[int], session: int
    ) -> None:
        self.header = header
        self.slots = slots
        self.own_floor = header.own_from << 32  # this slot and those above are our own
        self.dirty: set[int] = set()  # never replaced, and copied by list(): both are atomic
        self.lock = threading.RLock()
        self.is_ready = False  # the journal has begun, and no flush failed
        self.has_failed = False
        self.journal_limit = JOURNAL_LIMIT
        self._store = store
        self._name = name
        self._session = session
        self._sequence = 0
        self._journal = Journal(store, header.uid, header.serial, session)
        self._dropped: list[int] = []  # own objects that the map let go since the last flush
        self._flush_lock = threading.Lock()  # whoever flushes; taken before ``lock``

    def make_ready(self) -> None:
        """
        To be called before the first write, when ``is_ready`` is false.

        Raises ReadOnlyVolume, StorageUnavailable, OSError.
        """
        self._check_health()
        if self.header.is_read_only:
            raise ReadOnlyVolume(self._name)
        with self.lock:
            if not self._journal.has_begun:
                self._journal.begin()
            self.is_ready = True

    def _check_health(self) -> None:
        if self.has_failed:
            raise StorageUnavailable(f"{self._name}: an earlier flush failed")

    def fail(self, error: OSError) -> StorageUnavailable:
        """
        It is not known what is on stable storage: nothing more is acknowledged.
        """
        self.has_failed = True
        self.is_ready = False
        return StorageUnavailable(f"{self._name}: {error.strerror}")

    def fresh_object(self) -> int:
        """
        A name that no object ever had.  Raises OSError.
        """
        if self._sequence > 0xFFFFFFFF:
            raise OSError(errno.EOVERFLOW, f"{self._name}: open it anew to write more objects")
        oid = self._session << 32 | self._sequence
        self._sequence += 1
        return oid

    def change(self, index: int, slot: int) -> None:
        """
        ``index`` holds ``slot`` from here on, even if this process dies.  Raises OSError.
        """
        self._journal.change(index, slot)
        slots = self.slots
        if index >= len(slots):
            slots.frombytes(bytes(8 * (index + 1 - len(slots))))
        old = slots[index]
        slots[index] = slot
        if old >= self.own_floor:
            self._dropped.append(old)

    def flush(self) -> None:
        """
        See Volume.
        """
        with self._flush_lock:
            self._flush()
            if self._journal.changes > max(self.journal_limit, len(self.slots) // 4):
                with self.lock:
                    self._rewrite()
                    self._begin_anew()

    def _flush(self) -> None:
        self._check_health()
        with self.lock:
            changes = self._journal.changes
            dropped, self._dropped = self._dropped, []
        dirty = list(self.dirty)
        self.dirty.difference_update(dirty)
        try:
            self._store.objects.flush(dirty)
            self._journal.commit(changes)
        except OSError as error:
            raise self.fail(error) from error
        for oid in dropped:
            self._store.objects.remove(oid)

    def _rewrite(self) -> None:
        """
        Writes the map whole.  Both locks are held.
        """
        self._flush()
        own = sum(slot >= self.own_floor for slot in self.slots)
        header = self.header._replace(serial=self.header.serial + 1, own_objects=own)
        try:
            self._store.records.put(MAPS, self._name, encode(header, self.slots))
        except OSError as error:
            raise self.fail(error) from error
        self.header = header

    def _begin_anew(self) -> None:
        try:
            self._journal.begin_anew(self.header.serial)
        except OSError as error:
            raise self.fail(error) from error

    def settle(self) -> None:
        """
        Flushes, and brings everything into the map.  Nobody may write meanwhile.

        Raises StorageUnavailable.
        """
        with self._flush_lock, self.lock:
            if not self._journal.has_begun:
                return
            self.is_ready = False
            self._flush()
            if self._journal.changes:
                self._rewrite()
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
        finally:
            self._journal.close()
