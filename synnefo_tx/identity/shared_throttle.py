"""
Workers tell each other of wrong log-ins, so that each takes no more than one process would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from synnefo_tx.identity.rows.shared_attempts import recent, tell
from synnefo_tx.identity.throttle import FORGET_S, Throttle
from synnefo_tx.store.database import Database

EVERY_S = 0.5
# Others' changes are looked at for so long: they become visible when they are committed, and
# clocks of machines differ.
OVERLAP_S = 10.0


@define
class SharedThrottle:
    """
    Tells others what `throttle` counts, and it what they do.  clock: seconds since the epoch.
    """

    _throttle: Throttle
    _database: Database
    _clock: Callable[[], float]
    _reactor: Any
    _told_at: float | None = field(default=None, init=False)
    _loop: LoopingCall = field(init=False)
    _round: Deferred[None] | None = field(default=None, init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._loop = LoopingCall(self._begin)
        self._loop.clock = self._reactor

    def startService(self) -> None:
        """
        From now on, every EVERY_S.
        """
        self._loop.start(EVERY_S)

    async def _end(self) -> None:
        if self._round is not None:
            await self._round
        await self._safely()

    def stopService(self) -> Deferred[None]:
        """
        Fires when the others know all.
        """
        if self._loop.running:
            self._loop.stop()
        return Deferred.fromCoroutine(self._end())

    def _begin(self) -> Deferred[None]:
        self._round = Deferred.fromCoroutine(self._safely())
        return self._round

    async def _safely(self) -> None:
        try:
            await self.once()
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again soon
            self._log.failure("other workers were not told of wrong log-ins")

    async def once(self) -> None:
        """
        Tell and be told.
        """
        now, changes = self._clock(), self._throttle.take_changes()
        since = (self._told_at or now - FORGET_S) - OVERLAP_S
        try:
            if changes:
                told = await self._database.write(tell, changes, since)
            else:
                told = await self._database.read(recent, since)
        except BaseException:
            self._throttle.give_back(changes)
            raise
        self._told_at = now
        self._throttle.learn(told)
