"""
Flushes whose journal finds no space.
"""

from __future__ import annotations

import errno
import json
import os
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.faults import faulty_store
from archipelagod.stores.power_cut import cut_power
from archipelagod.stores.store import open_file_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import NoSpace, StorageUnavailable
from tests.archipelagod.volume.unsafe_store import other_boot

PLACES = (0, OBJECT_BYTES, 2 * OBJECT_BYTES)
SIZE = 8192


class FullJournalTests(SynchronousTestCase):
    """A volume of three objects, two of which were written; power is cut in the end."""

    def setUp(self) -> None:
        """The volume."""
        self.root = os.path.abspath(self.mktemp())
        self.books = f"{self.root}.books"
        os.mkdir(self.books)
        self.plan = f"{self.root}.plan"
        self.fail_next(0)
        self.store = faulty_store(open_file_store(self.root), self.plan)
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)
        self.catalogue.create("v", 3 * OBJECT_BYTES)
        self.volume = open_volume(self.store, "v", self.sessions.fresh())
        self.write(b"1", PLACES[:2])
        self.volume.flush()

    def fail_next(self, times: int, skip: int = 0, call: str = "log.append") -> None:
        """So many appends (or other calls) find no space, after some that do."""
        rule = {"calls": [call], "error": "ENOSPC", "times": times, "skip": skip}
        with open(f"{self.plan}.new", "w") as file:
            json.dump({"unsynced": self.books, "rules": [rule]}, file)
        os.replace(f"{self.plan}.new", self.plan)

    def write(self, byte: bytes, places: tuple[int, ...] = PLACES[:2]) -> None:
        """The byte, everywhere."""
        for place in places:
            self.volume.write(place, byte * SIZE)

    def check(self, byte: bytes, places: tuple[int, ...] = PLACES[:2]) -> None:
        """The byte is there when the power was cut."""
        self.volume.map._lease.release()  # type: ignore[union-attr]
        store = open_file_store(self.root)
        cut_power(store, self.books, 1)
        other_boot(store)
        volume: Volume = open_volume(store, "v", self.sessions.fresh())
        for place in places:
            found = bytearray(SIZE)
            volume.read_into(place, memoryview(found))
            self.assertEqual(bytes(found), byte * SIZE)
        volume.close()

    def test_content(self) -> None:
        """What the journal has no room for goes to the objects: the flush is one."""
        self.write(b"2")
        self.fail_next(1)
        self.volume.flush()
        self.check(b"2")

    def test_nothing_at_all(self) -> None:
        """A flush that finds no space at all says so, and a later one is good for it, too."""
        self.write(b"2", PLACES)
        self.volume.zero(PLACES[2], OBJECT_BYTES)
        self.write(b"3", PLACES)
        self.fail_next(2)
        self.assertRaises(NoSpace, self.volume.flush)
        self.volume.flush()
        self.check(b"3", PLACES)

    def resized(self, size_bytes: int) -> bool:
        """Whether it was, or refused for want of space: then the volume goes on."""
        try:
            self.volume.resize(size_bytes)
        except NoSpace:
            return False
        return True

    def test_resized(self) -> None:
        """A resize that is refused for want of space did not happen; any other may have."""
        for skip in range(6):
            self.write(b"4")
            self.volume.flush()
            self.write(b"5", PLACES)
            before = self.volume.size_bytes
            self.fail_next(9, skip)
            try:
                wanted = before - 4096
                allowed = {wanted if self.resized(wanted) else before}
            except StorageUnavailable:
                allowed = {wanted, before}
            self.fail_next(0)
            self.volume.close()
            self.volume = open_volume(self.store, "v", self.sessions.fresh())
            self.assertIn(self.volume.size_bytes, allowed, skip)
        self.volume.close()

    def test_resized_while_closed(self) -> None:
        """The same of a volume that nobody has open, wherever in the store there is no space."""
        self.volume.write(3 * OBJECT_BYTES - (1 << 20), b"6" * (1 << 20))
        self.volume.close()
        outcomes = set()
        for call in ("log.append", "objects.zero", "records.put", "records.log", "objects.flush"):
            for skip in range(4):
                before = self.catalogue.info("v").size_bytes
                wanted = before - 4096 if before % OBJECT_BYTES else before - 8192
                self.fail_next(9, skip, call)
                try:
                    self.catalogue.resize("v", wanted)
                    allowed = {wanted}
                except NoSpace:
                    allowed = {before}
                except (StorageUnavailable, OSError) as error:
                    is_refused = isinstance(error, OSError) and error.errno == errno.ENOSPC
                    allowed = {before} if is_refused else {wanted, before}
                outcomes.add(len(allowed))
                self.fail_next(0)
                self.catalogue.settle("v")
                self.assertIn(self.catalogue.info("v").size_bytes, allowed, (call, skip))
        self.assertEqual(outcomes, {1, 2})

    def test_frozen_with_a_rest(self) -> None:
        """What could not be cleared when it was cut off does not show in what grows from it."""
        self.write(b"7", (2 * OBJECT_BYTES,))
        self.fail_next(9, 0, "objects.zero")
        self.volume.resize(2 * OBJECT_BYTES + 4096)
        new = self.catalogue.new_map("s")
        self.assertRaises(OSError, self.catalogue.freeze, self.volume, new)
        self.fail_next(0)
        self.catalogue.freeze(self.volume, self.catalogue.new_map("t"))
        self.catalogue.clone("t", "c", 3 * OBJECT_BYTES)
        clone = open_volume(self.store, "c", self.sessions.fresh())
        found = bytearray(SIZE)
        clone.read_into(2 * OBJECT_BYTES, memoryview(found))
        self.assertEqual(bytes(found), b"7" * 4096 + bytes(SIZE - 4096))
        clone.close()
        self.volume.close()
