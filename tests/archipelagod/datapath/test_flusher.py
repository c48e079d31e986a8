"""
Group commit.
"""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.counts import FLUSH, Tally
from archipelagod.datapath.flusher import Flusher
from archipelagod.stores.store import open_memory_store
from archipelagod.volume import open_map
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions


class FlusherTests(SynchronousTestCase):
    """Flusher, on a volume in memory."""

    def setUp(self) -> None:
        """The volume."""
        store = open_memory_store()
        sessions = Sessions(store)
        Catalogue(store, sessions, lambda: 0.0).create("v", OBJECT_BYTES)
        self.volume = open_volume(store, "v", sessions.fresh())
        self.tally = Tally()
        self.said: list[str] = []
        self.flusher = Flusher(self.volume, self.tally, Complaints("v", self.said.append))

    def test_all_are_answered(self) -> None:
        """Everyone who waits is told, before the thread ends, and counted."""
        told: list[bool] = []
        for number in range(50):
            self.volume.write(number, b"x")
            self.flusher.submit(told.append)
        self.flusher.stop()
        self.assertEqual(told, [True] * 50)
        self.assertEqual(sum(self.tally.total().latency[FLUSH]), 50)
        self.assertLessEqual(self.flusher.groups, 50)
        self.assertGreaterEqual(self.flusher.largest * self.flusher.groups, 50)

    def test_failure_is_told(self) -> None:
        """After a failed flush everyone is told so."""
        self.volume.map.fail(OSError(5, "broken"))
        told: list[bool] = []
        self.flusher.submit(told.append)
        self.flusher.stop()
        self.assertEqual(told, [False])
        self.assertEqual(self.tally.total().errors[FLUSH], 1)
        self.assertEqual(self.said, ["v: v: an earlier flush failed\n"])

    def test_writes_ahead(self) -> None:
        """After many flushes of little the objects are written meanwhile."""
        self.patch(open_map, "AHEAD_BYTES", 0)
        told: list[bool] = []
        asked = threading.Event()
        self.patch(self.volume.map, "start_writing", asked.set)
        for number in range(2):  # the first takes a sync of the one object
            self.volume.write(number, b"x")
            self.volume.map.unsynced.logged.add(0)
            self.flusher.submit(told.append)
        self.assertTrue(asked.wait(20))
        self.flusher.stop()
        self.assertEqual(told, [True] * 2)

    def test_never_used(self) -> None:
        """A volume that nobody flushes has no thread for it."""
        self.assertIsNone(self.flusher._thread)
        self.flusher.stop()
