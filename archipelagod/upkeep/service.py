"""
Upkeep of a store, for the reactor: when what is done.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from archipelagod.threads import Threads
from archipelagod.upkeep.collector import SCRUB, SWEEP, Collector, Progress
from archipelagod.upkeep.counters import Counters
from archipelagod.upkeep.pace import Stopped, ThreadClock
from archipelagod.upkeep.schedule import Schedule
from archipelagod.upkeep.settings import UpkeepSettings
from archipelagod.volume.map_format import Header
from archipelagod.wire.errors import StorageUnavailable, VolumeBusy

T = TypeVar("T")
LOOK_S = 60.0  # how often it is seen whether a sweep or a scrub is due


class Upkeep:
    """
    Methods are for the reactor's thread.

    run_in_thread: for up to three long calls at a time.  clock: of ``collector``, stopped at the
    end.  wall_s: the store's clock.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        collector: Collector,
        counters: Counters,
        clock: ThreadClock,
        run_in_thread: Threads,
        settings: UpkeepSettings,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._collector = collector
        self._counters = counters
        self._clock = clock
        self._run_in_thread = run_in_thread
        self._settings = settings
        self._wall_s = wall_s
        self._schedule = Schedule(settings.debounce_s, reactor.seconds())
        self._collecting = DeferredLock()
        self._removing = DeferredLock()
        self._scrubbing = DeferredLock()
        self._next_pass: IDelayedCall | None = None
        self._next_look: IDelayedCall | None = None
        self._is_stopped = False

    def start(self) -> None:
        """
        Looks after the store from now on.
        """
        self._plan()
        self._look_later()

    def deleted(self, header: Header) -> None:
        """
        A volume was deleted here: its space is looked for soon.
        """
        if not header.is_read_only:
            self._in_background(self._remove_own(header.uid))
        self._schedule.deleted(header.family, self._reactor.seconds())
        self._plan()

    async def gc(self, progress: Progress = None) -> dict[str, Any]:
        """
        Removes everything that nothing refers to, now; what was removed.  Raises VolumeBusy when
        another daemon does so, StorageUnavailable.
        """
        await self._collecting.acquire()
        try:
            families = self._schedule.begun()
            return await self._timed(families, self._collector.collect, progress)
        finally:
            self._collecting.release()
            self._plan()

    async def scrub(self, progress: Progress = None) -> dict[str, Any]:
        """
        Checks all that is stored; what was found.  Raises VolumeBusy when another daemon does so.
        """
        await self._scrubbing.acquire()
        try:
            return await self._stoppable(self._collector.scrub, progress)
        finally:
            self._scrubbing.release()

    def statistics(self) -> dict[str, dict[str, Any]]:
        """
        What was done since the daemon began, by job.
        """
        return self._counters.statistics()

    async def stop(self) -> None:
        """
        Ends what is going on; it is done another time.
        """
        self._is_stopped = True
        self._clock.stop()
        for call in (self._next_pass, self._next_look):
            if call is not None and call.active():
                call.cancel()
        for lock in (self._removing, self._collecting, self._scrubbing):
            await lock.acquire()
            lock.release()

    def _plan(self) -> None:
        if self._next_pass is not None and self._next_pass.active():
            self._next_pass.cancel()
        due_s = self._schedule.due_s()
        if due_s is not None and not self._is_stopped:
            wait_s = max(due_s - self._reactor.seconds(), 0)
            self._next_pass = self._reactor.callLater(
                wait_s, lambda: self._in_background(self._pass())
            )

    async def _pass(self) -> None:
        if self._collecting.locked:
            return  # whoever has it plans again
        await self._collecting.acquire()
        try:
            families = self._schedule.begun()
            found = await self._timed(families, self._collector.reclaim, families)
            self._log.debug("{objects} objects were freed", objects=found["objects"])
        finally:
            self._collecting.release()
            self._plan()

    async def _timed(
        self, families: set[int] | None, work: Callable[..., dict[str, Any]], *arguments: Any
    ) -> dict[str, Any]:
        begun_s = self._reactor.seconds()
        try:
            found = await self._stoppable(work, *arguments)
        except BaseException:
            now_s = self._reactor.seconds()
            self._schedule.failed(families, now_s, now_s - begun_s)
            raise
        now_s = self._reactor.seconds()
        self._schedule.ended(now_s, now_s - begun_s)
        return found

    async def _stoppable(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._is_stopped:
            raise StorageUnavailable("the daemon stops")
        try:
            return await self._run_in_thread(work, *arguments)
        except Stopped:
            raise StorageUnavailable("the daemon stops") from None

    async def _remove_own(self, uid: int) -> None:
        await self._removing.acquire()
        try:
            await self._stoppable(self._collector.remove_own, uid)
        finally:
            self._removing.release()

    def _look_later(self) -> None:
        if not self._is_stopped:
            self._next_look = self._reactor.callLater(
                LOOK_S, lambda: self._in_background(self._look())
            )

    async def _look(self) -> None:
        """
        Sweeps and scrubs when it is time; whoever of several daemons looks first.
        """
        try:
            if await self._is_due(SWEEP, self._settings.sweep_every_s):
                await self.gc()
            if await self._is_due(SCRUB, self._settings.scrub_every_s):
                self._in_background(self._scrub_if_idle())
        finally:
            self._look_later()

    async def _scrub_if_idle(self) -> None:
        if not self._scrubbing.locked:  # it may take days
            await self.scrub()

    async def _is_due(self, job: str, every_s: float) -> bool:
        if not every_s or self._is_stopped:
            return False
        last_s: float = await self._run_in_thread(self._collector.last_s, job)
        return self._wall_s() - last_s >= every_s

    def _in_background(self, work: Awaitable[None]) -> None:
        Deferred.fromCoroutine(work).addErrback(self._failed)  # type: ignore[arg-type]

    def _failed(self, failure: Failure) -> None:
        if self._is_stopped or failure.check(VolumeBusy):
            return  # the next daemon goes on; or another one is at it
        self._log.failure("what was deleted stays for now", failure=failure)
