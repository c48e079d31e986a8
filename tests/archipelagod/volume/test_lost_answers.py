"""
Changes of the map that were made, and of which the store said that they failed.
"""

from __future__ import annotations

import json
import os
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.faults import faulty_store
from archipelagod.stores.store import open_file_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageUnavailable

OLD, NEW, LATER = b"old" * 2000, b"new" * 2000, b"later" * 2000


class LostAnswerTests(SynchronousTestCase):
    """A volume with a snapshot, and a journal that takes one record more than it says."""

    def setUp(self) -> None:
        """The volume."""
        root = os.path.abspath(self.mktemp())
        self.plan = f"{root}.plan"
        self.fail_next(0)
        self.store = faulty_store(open_file_store(root), self.plan)
        self.sessions = Sessions(self.store)
        catalogue = Catalogue(self.store, self.sessions, time.time)
        catalogue.create("v", 2 * OBJECT_BYTES)
        volume = self.opened()
        volume.write(0, OLD)
        volume.close()
        catalogue.snapshot("v", "s")
        self.volume = self.opened()
        self.volume.write(OBJECT_BYTES, OLD)
        self.volume.flush()

    def opened(self) -> Volume:
        """The volume, anew."""
        return open_volume(self.store, "v", self.sessions.fresh())

    def fail_next(self, times: int) -> None:
        """So many appends that are made fail."""
        rule = {"calls": ["log.append"], "error": "EIO", "moment": "after", "times": times}
        with open(f"{self.plan}.new", "w") as file:
            json.dump({"rules": [rule]}, file)
        os.replace(f"{self.plan}.new", self.plan)

    def found(self, offset: int, size: int) -> bytes:
        """What the volume has after its writer died."""
        self.volume.map._lease.release()  # type: ignore[union-attr]
        volume = self.opened()
        self.addCleanup(volume.close)
        content = bytearray(size)
        volume.read_into(offset, memoryview(content))
        return bytes(content)

    def test_first_write(self) -> None:
        """A first write to a shared object is there or not; nothing is lost."""
        self.fail_next(1)
        self.assertRaises(StorageUnavailable, self.volume.write, 0, NEW)
        self.assertIn(self.found(0, len(NEW)), (OLD, NEW))

    def test_acknowledged_later(self) -> None:
        """Nothing is acknowledged that would be lost with what the journal may say."""
        self.fail_next(1)
        self.assertRaises(StorageUnavailable, self.volume.zero, OBJECT_BYTES, OBJECT_BYTES)
        self.assertRaises(StorageUnavailable, self.volume.write, OBJECT_BYTES, LATER)
        self.assertRaises(StorageUnavailable, self.volume.flush)
        self.assertIn(self.found(OBJECT_BYTES, len(OLD)), (OLD, bytes(len(OLD))))

    def test_filled(self) -> None:
        """As little is written to a block that an object may have or not."""
        self.volume.write(0, NEW)
        self.volume.flush()
        self.fail_next(1)
        self.assertRaises(StorageUnavailable, self.volume.write, 1 << 20, NEW)
        self.assertRaises(StorageUnavailable, self.volume.write, 2 << 20, LATER)
        self.assertEqual(self.found(0, len(NEW)), NEW)

    def test_shrunk_or_not(self) -> None:
        """What may have been cut off can't be read until the next opening tells."""
        self.volume.sync()
        self.fail_next(1)
        self.assertRaises(StorageUnavailable, self.volume.resize, OBJECT_BYTES)
        self.assertRaises(StorageUnavailable, self.volume.read_into, OBJECT_BYTES, bytearray(512))
        self.assertFalse(self.volume.read_now(OBJECT_BYTES, memoryview(bytearray(512))))
        self.assertEqual(self.found(0, len(OLD)), OLD)
