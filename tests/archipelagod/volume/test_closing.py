"""
The end of an opening, when the store fails in it.
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
from archipelagod.wire.errors import StorageUnavailable


class ClosingTests(SynchronousTestCase):
    """A volume with two logs, that can't be closed."""

    def test_lease_is_let_go(self) -> None:
        """Who comes next gets the volume, and what was flushed is there."""
        root = os.path.abspath(self.mktemp())
        plan = f"{root}.plan"
        with open(plan, "w") as file:
            json.dump({"rules": []}, file)
        store = faulty_store(open_file_store(root), plan)
        sessions = Sessions(store)
        Catalogue(store, sessions, time.time).create("v", 2 * OBJECT_BYTES)
        volume = open_volume(store, "v", sessions.fresh())
        volume.write(0, b"kept" * 1024)
        volume.flush()
        with open(f"{plan}.new", "w") as file:
            json.dump({"rules": [{"calls": ["log.close"], "error": "EIO"}]}, file)
        os.replace(f"{plan}.new", plan)
        self.assertRaises(StorageUnavailable, volume.close)
        with open(f"{plan}.new", "w") as file:
            json.dump({"rules": []}, file)
        os.replace(f"{plan}.new", plan)
        again = open_volume(store, "v", sessions.fresh())
        self.addCleanup(again.close)
        content = bytearray(4096)
        again.read_into(0, memoryview(content))
        self.assertEqual(content, b"kept" * 1024)
