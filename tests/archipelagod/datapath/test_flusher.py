"""
Group commit.
"""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.counts import FLUSH, Tally
from archipelagod.datapath.flusher import GROUPS, SLOW_S, Flusher
from archipelagod.stores.store import open_memory_store
from archipelagod.volume import flushing
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

    def test_tidies(self) -> None:
        """What flushes left in the journal is brought to the objects meanwhile."""
        self.patch(flushing, "AHEAD_BYTES", 0)
        told: list[bool] = []
        asked = threading.Event()
        self.patch(self.volume, "tidy", asked.set)
        for number in range(2):  # the first takes a sync of the one object
            self.volume.write(number, b"x")
            self.volume.map.unsynced.logged.add(0)
            self.flusher.submit(told.append)
        self.assertTrue(asked.wait(20))
        self.flusher.stop()
        self.assertEqual(told, [True] * 2)

    def test_overlap(self) -> None:
        """A flush that waits for a slow medium does not hold up the next ones, up to a number."""
        begun: SimpleQueue[int] = SimpleQueue()
        go_on = threading.Event()

        def finish(_commit: object) -> None:
            begun.put(len(told))
            go_on.wait(20)

        told: list[bool] = []
        self.slowly(told)
        self.patch(self.volume, "finish_flush", finish)
        told.clear()
        for _ in range(GROUPS):
            self.flusher.submit(told.append)
            self.assertEqual(begun.get(timeout=20), 0)
        self.flusher.submit(told.append)
        go_on.set()
        self.flusher.stop()
        self.assertEqual(told, [True] * (GROUPS + 1))
        self.assertEqual(self.flusher.groups, GROUPS + 2)

    def slowly(self, told: list[bool]) -> None:
        """A flush that takes long."""
        ended = threading.Event()

        def finish(_commit: object) -> None:
            time.sleep(20 * SLOW_S)

        def tell(is_done: bool) -> None:
            told.append(is_done)
            ended.set()

        self.patch(self.volume, "finish_flush", finish)
        self.flusher.submit(tell)
        self.assertTrue(ended.wait(20))
        self.assertEqual(len(self.flusher._threads), 1)

    def test_never_used(self) -> None:
        """A volume that nobody flushes has no thread for it."""
        self.assertEqual(self.flusher._threads, [])
        self.flusher.stop()
