"""
Workers tell each other of wrong log-ins, so that each takes no more than one process would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.rounds import Rounds
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
    _rounds: Rounds = field(init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._rounds = Rounds(self._reactor, self._safely)

    def startService(self) -> None:
        """
        From now on, every EVERY_S.
        """
        self._rounds.start(EVERY_S)

    async def _end(self) -> None:
        await self._rounds.stop()
        await self._safely()

    def stopService(self) -> Deferred[None]:
        """
        Fires when the others know all.
        """
        return Deferred.fromCoroutine(self._end())

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
