"""
Passes over a store, for threads: each at its pace, one at a time over all daemons of the store.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from archipelagod.stores.interface import ILease
from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.store import Store
from archipelagod.upkeep import blocks, orphans
from archipelagod.upkeep.counters import Counters
from archipelagod.upkeep.pace import IClock, Pace, Stopped, run
from archipelagod.upkeep.scrub import Scrub
from archipelagod.upkeep.settings import UpkeepSettings
from archipelagod.volume import reclaim
from archipelagod.volume.census import Restless, Step
from archipelagod.volume.map_format import DamagedMap
from archipelagod.wire.errors import LeaseLost, StorageUnavailable, VolumeBusy

T = TypeVar("T")
Progress = Callable[[int, int], None] | None
ROOM = "upkeep"
LEASE, SWEEP, SCRUB = "gc", "sweep-ended", "scrub-ended"
TELL_S = 0.2  # between news of the progress
CHECK_S = 1.0  # how often the lease is looked at, at least


class Collector:
    """
    Methods block, and may be called from any thread.  They raise Stopped when all is to stop,
    VolumeBusy when another daemon collects, LeaseLost, StorageUnavailable when nothing can be said
    of some volume, OSError.

    wall_s: the store's clock.
    """

    def __init__(
        self,
        store: Store,
        settings: UpkeepSettings,
        clock: IClock,
        counters: Counters,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._wall_s = wall_s

    def reclaim(self, families: set[int] | None, progress: Progress = None) -> dict[str, int]:
        """
        Removes what deleted volumes of some families (None: all) left.
        """
        told = self._told("gc", progress)
        with self._alone() as lease:
            found = self._run("gc", reclaim.reclaiming(self._store, families, told), lease)
        self._counters.set("gc", "undecided_families", found.undecided)
        return {
            "objects": found.objects,
            "volumes": found.maps,
            "undecided_families": found.undecided,
        }

    def remove_own(self, uid: int) -> int:
        """
        Removes the objects that a deleted volume had for itself; their number.
        """
        return self._run("own", reclaim.removing_own(self._store, uid))

    def sweep(self) -> dict[str, int]:
        """
        Removes blocks and what crashes left that nothing refers to.
        """
        before_s = self._wall_s() - self._settings.block_grace_s
        with self._alone() as lease:
            found = self._run("orphans", orphans.sweeping(self._store, before_s), lease)
            swept = self._run("blocks", blocks.sweeping(self._store, before_s), lease)
            self._store.records.put(ROOM, SWEEP, b"")
        self._counters.set("blocks", "spared", swept.spared)
        return {
            "blocks": swept.removed,
            "orphaned_objects": len(found.objects),
            "orphaned_records": len(found.bodies) + len(found.journals),
        }

    def collect(self, progress: Progress = None) -> dict[str, int]:
        """
        All of it.
        """
        before = self._counters.freed_bytes()
        found = {**self.reclaim(None, progress), **self.sweep()}
        return {**found, "freed_bytes": self._counters.freed_bytes() - before}

    def scrub(self, progress: Progress = None) -> dict[str, Any]:
        """
        Checks all that is stored; what was found.  One that was interrupted goes on.
        """
        with self._alone(SCRUB) as lease:
            scrub = Scrub(self._store, self._wall_s, self._settings.block_grace_s)
            told = self._told("scrub", progress)
            found = self._run("scrub", scrub.steps(), lease, lambda step: told(*scrub.progress()))
            self._store.records.put(ROOM, SCRUB, b"")
        summary = found.summary()
        self._counters.set("scrub", "findings", summary["counts"])
        return summary

    def last_s(self, job: str) -> float:
        """
        When the last sweep or scrub, of any daemon, came to its end; by the store's clock, 0 for
        never.
        """
        try:
            return self._store.records.stamp(ROOM, job)
        except FileNotFoundError:
            return 0.0

    def _told(self, job: str, progress: Progress) -> Callable[[int, int], None]:
        last_s = 0.0

        def told(done: int, total: int) -> None:
            nonlocal last_s
            now_s = self._clock.now_s()
            if now_s - last_s < TELL_S:
                return
            last_s = now_s
            self._counters.progress(job, done, total)
            if progress is not None:
                progress(done, total)

        return told

    @contextlib.contextmanager
    def _alone(self, name: str = LEASE) -> Iterator[ILease]:
        try:
            lease = self._store.leases.acquire(name, b"")
        except LeaseHeld:
            raise VolumeBusy(f"{name} is at work already, here or in another daemon") from None
        try:
            yield lease
        finally:
            lease.release()

    def _run(
        self,
        job: str,
        steps: Generator[Step, None, T],
        lease: ILease | None = None,
        also: Callable[[Step], None] = lambda step: None,
    ) -> T:
        begun_s = checked_s = self._clock.now_s()
        self._counters.begun(job)

        def tell(step: Step) -> None:
            self._counters.step(job, step)
            also(step)

        def check(step: Step) -> None:
            nonlocal checked_s
            now_s = self._clock.now_s()
            is_removing = step.objects or step.blocks or step.records
            if lease is not None and (is_removing or now_s - checked_s > CHECK_S):
                checked_s = now_s
                lease.check()

        error = "interrupted"
        try:
            result = run(steps, self._pace(), tell, check)
            error = ""
        except (Restless, DamagedMap) as reason:
            error = str(reason)
            raise StorageUnavailable(error) from reason
        except (OSError, Stopped, LeaseLost) as reason:
            error = str(reason) or "stopped"
            raise
        finally:
            self._counters.ended(job, self._clock.now_s() - begun_s, error)
        return result

    def _pace(self) -> Pace:
        rates: dict[str, Any] = {
            "maps": self._settings.maps_per_second,
            "objects": self._settings.objects_per_second,
            "blocks": self._settings.objects_per_second,
            "read_bytes": self._settings.scrub_bytes_per_second,
        }
        return Pace(self._clock, Step(**rates))
