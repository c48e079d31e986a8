"""
When upkeep does what.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.threads import Threads
from archipelagod.upkeep.collector import LEASE, Collector
from archipelagod.upkeep.counters import Counters
from archipelagod.upkeep.pace import ThreadClock
from archipelagod.upkeep.schedule import RETRY_S
from archipelagod.upkeep.service import LOOK_S, Upkeep
from archipelagod.upkeep.settings import UpkeepSettings
from archipelagod.volume import reclaim
from archipelagod.wire.errors import LeaseLost, StorageUnavailable, VolumeBusy
from tests.archipelagod.upkeep.test_reclaim import COUNT, World

SETTINGS = UpkeepSettings(objects_per_second=0, maps_per_second=0, sweep_every_s=0)


class UpkeepTests(SynchronousTestCase):
    """Upkeep."""

    def setUp(self) -> None:
        """A store with an image."""
        self.world = World()
        self.world.image("i")
        self.clock = Clock()
        self.wall_s = 1e6
        self.upkeep = self.make(SETTINGS)

    def make(self, settings: UpkeepSettings, run: Any = maybeDeferred) -> Upkeep:
        """Upkeep of the store, started."""
        counters, thread_clock = Counters(), ThreadClock()
        collector = Collector(
            self.world.store, settings, thread_clock, counters, lambda: self.wall_s
        )
        upkeep = Upkeep(
            self.clock, collector, counters, thread_clock, Threads(run), settings, self.seconds
        )
        upkeep.start()
        return upkeep

    def seconds(self) -> float:
        """By the store's clock."""
        return self.wall_s

    def passes(self) -> int:
        """How many there were."""
        found: int = self.upkeep.statistics()["gc"]["passes"]
        return found

    def delete(self, name: str) -> None:
        """A volume goes."""
        self.upkeep.deleted(self.world.catalogue.delete(name))

    def test_start(self) -> None:
        """What was deleted before is looked for once."""
        self.world.catalogue.delete("i")
        self.world.catalogue.delete("i-base")
        self.clock.advance(SETTINGS.debounce_s)
        self.assertEqual(self.world.objects, set())
        self.clock.pump([LOOK_S] * 10)
        self.assertEqual(self.passes(), 1)

    def test_deleted(self) -> None:
        """A while after a deletion there is one pass for all."""
        self.clock.advance(SETTINGS.debounce_s)
        self.delete("i-base")
        self.delete("i")
        self.assertEqual(len(self.world.objects), COUNT)
        self.clock.advance(SETTINGS.debounce_s)
        self.assertEqual(self.world.objects, set())
        self.assertEqual(self.passes(), 2)
        statistics = self.upkeep.statistics()["gc"]
        self.assertEqual(statistics["objects"], COUNT)
        self.assertGreater(statistics["freed_bytes"], 0)

    def test_own_at_once(self) -> None:
        """What only a deleted volume had goes without a pass."""
        self.clock.advance(SETTINGS.debounce_s)
        self.world.catalogue.create("v", COUNT << 22)
        self.world.write("v", 0, 1)
        self.delete("v")
        self.assertEqual(len(self.world.objects), COUNT)
        self.assertEqual(self.upkeep.statistics()["own"]["objects"], 2)
        self.assertEqual(self.passes(), 1)

    def test_another_daemon(self) -> None:
        """While another one collects we wait."""
        lease = self.world.store.leases.acquire(LEASE, b"")
        self.delete("i")
        self.delete("i-base")
        self.failureResultOf(Deferred.fromCoroutine(self.upkeep.gc()), VolumeBusy)
        self.assertEqual(len(self.world.objects), COUNT)
        lease.release()
        self.clock.advance(RETRY_S)
        self.assertEqual(self.world.objects, set())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_lease_lost(self) -> None:
        """Who lost the right to collect removes nothing more."""
        self.delete("i")
        self.delete("i-base")
        remove = self.world.store.objects.remove

        def taken_away(oid: int) -> None:
            remove(oid)
            self.world.store.leases.take_away(LEASE)

        self.patch(self.world.store.objects, "remove", taken_away)
        self.failureResultOf(Deferred.fromCoroutine(self.upkeep.gc()), LeaseLost)
        self.assertEqual(len(self.world.objects), COUNT - 1)

    def test_failed(self) -> None:
        """A pass that failed is logged, counted and made again."""
        record = self.world.store.records.get("maps", "i-base")
        self.delete("i")
        self.world.store.records.put("maps", "i-base", b"nonsense")
        self.clock.advance(SETTINGS.debounce_s)
        self.assertEqual(len(self.flushLoggedErrors(StorageUnavailable)), 1)
        self.assertEqual(self.upkeep.statistics()["gc"]["failures"], 1)
        self.assertIn("i-base", self.upkeep.statistics()["gc"]["last_error"])
        self.world.store.records.put("maps", "i-base", record)
        self.clock.advance(RETRY_S)
        self.assertEqual(self.passes(), 1)

    def test_gc(self) -> None:
        """On request everything goes at once, orphans and blocks too; news of it are told."""
        self.delete("i")
        self.delete("i-base")
        self.world.store.objects.create(self.world.sessions.fresh() << 32)
        told: list[tuple[int, int]] = []
        work = self.upkeep.gc(lambda done, total: told.append((done, total)))
        found = self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual((found["objects"], found["orphaned_objects"]), (COUNT, 1))
        self.assertEqual(self.world.objects, set())
        self.assertEqual(found["freed_bytes"], COUNT << 22)
        self.assertEqual(len(told), 1)

    def test_scrub(self) -> None:
        """On request; what was found is among the statistics."""
        self.world.store.objects.remove(min(self.world.objects))
        found = self.successResultOf(Deferred.fromCoroutine(self.upkeep.scrub()))
        self.assertEqual(found["counts"], {"lost_object": 2})
        self.assertEqual(self.upkeep.statistics()["scrub"]["findings"], {"lost_object": 2})
        self.assertEqual(found["findings"][0]["kind"], "lost_object")

    def test_due(self) -> None:
        """Sweeps and scrubs come by themselves, of several daemons one does them."""
        self.wall_s = time.time() + 10
        settings = UpkeepSettings(
            objects_per_second=0, maps_per_second=0, sweep_every_s=3600, scrub_every_s=7200
        )
        self.upkeep = self.make(settings)
        other = self.make(settings)
        self.clock.advance(LOOK_S)
        counts = [
            [each.statistics()[job]["passes"] for each in (self.upkeep, other)]
            for job in ("blocks", "scrub")
        ]
        self.assertEqual(counts, [[1, 0], [1, 0]])
        self.wall_s += 3600
        self.clock.advance(LOOK_S)
        self.assertEqual(self.upkeep.statistics()["blocks"]["passes"], 2)
        self.assertEqual(self.upkeep.statistics()["scrub"]["passes"], 1)

    def test_stop(self) -> None:
        """A pass that is at work ends; nothing happens afterwards."""
        running: list[tuple[Any, Deferred[Any]]] = []

        def later(function: Any, *arguments: Any) -> Deferred[Any]:
            result: Deferred[Any] = Deferred()
            running.append((lambda: function(*arguments), result))
            return result

        self.upkeep = self.make(SETTINGS, later)
        self.delete("i")
        self.delete("i-base")
        self.clock.advance(SETTINGS.debounce_s)
        there = len(self.world.store.records.names(reclaim.DELETED))
        stopped = Deferred.fromCoroutine(self.upkeep.stop())
        while running:
            work, result = running.pop(0)
            maybeDeferred(work).chainDeferred(result)
        self.successResultOf(stopped)
        self.assertLessEqual(len(self.world.store.records.names(reclaim.DELETED)), there)
        self.failureResultOf(Deferred.fromCoroutine(self.upkeep.gc()), StorageUnavailable)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertIs(self.world.store.leases.holder(LEASE), None)
