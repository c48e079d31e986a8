"""
Tells those who follow a project's feed that it went on: one look at the database for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.events.place import Place
from synnefo_tx.events.rows import reading
from synnefo_tx.store.database import Database

EVERY_S = 0.25
MOST_FOLLOWERS = 1000  # of a process
MOST_OF_A_PROJECT = 50


@define(eq=False)
class Follower:
    """
    One client's stream.  woken: there may be more to read, or it has to end.
    """

    project_id: str
    ended: bool = False
    _woken: bool = True
    _waiter: Deferred[None] | None = field(default=None, init=False)

    def wake(self) -> None:
        """
        Go on reading.
        """
        self._woken = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    async def more(self, reactor: Any, within_s: float) -> bool:
        """
        Whether it was woken before that time was over.
        """
        if not self._woken:
            self._waiter = Deferred()
            late = reactor.callLater(within_s, self._waiter.callback, None)
            await self._waiter
            self._waiter = None
            if late.active():
                late.cancel()
        woken, self._woken = self._woken, False
        return woken


class Hub(Service):
    """
    clock: seconds since the epoch.
    """

    _log = Logger()

    def __init__(self, database: Database, clock: Callable[[], float], reactor: Any) -> None:
        self.reactor = reactor
        self._database = database
        self._clock = clock
        self._followers: dict[str, set[Follower]] = defaultdict(set)
        self._count = 0
        self._place: Place | None = None
        self._rounds = Rounds(reactor, self._look)

    def startService(self) -> None:
        super().startService()
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        for one in [one for followers in self._followers.values() for one in followers]:
            one.ended = True
            one.wake()
        return Deferred.fromCoroutine(self._rounds.stop())

    @property
    def followers(self) -> int:
        """
        How many there are.
        """
        return self._count

    def has_room(self, project_id: str) -> bool:
        """
        Whether one more may follow that project.
        """
        of_project = len(self._followers.get(project_id, ()))
        return self._count < MOST_FOLLOWERS and of_project < MOST_OF_A_PROJECT

    def enter(self, project_id: str) -> Follower:
        """
        A new follower.
        """
        one = Follower(project_id, ended=not self.running)
        self._followers[project_id].add(one)
        self._count += 1
        return one

    def leave(self, one: Follower) -> None:
        """
        It follows no more.
        """
        followers = self._followers.get(one.project_id, set())
        if one in followers:
            followers.discard(one)
            self._count -= 1
        if not followers:
            self._followers.pop(one.project_id, None)

    async def _look(self) -> None:
        """
        Nobody is told of what nobody follows; who comes reads by himself what there is.
        """
        if not self._count:
            self._place = None
            return
        try:
            await self._tell()
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again at once
            self._log.failure("the feed could not be read")

    async def _tell(self) -> None:
        now_s = int(self._clock())
        if self._place is None:
            self._place = await self._database.read(reading.horizon, now_s)
            projects = frozenset(self._followers)
        else:
            found = await self._database.read(reading.projects_between, self._place, now_s)
            projects, self._place = found
        for project_id in projects & frozenset(self._followers):
            for one in tuple(self._followers[project_id]):
                one.wake()
