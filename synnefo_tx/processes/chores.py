"""
What has to be done from time to time by one process of all at a database: projects whose time is
over end, those who are above a limit are told, and rows that are good for nothing go.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from synnefo_tx.account.model import Actor
from synnefo_tx.account.model import Doing as ProjectDoing
from synnefo_tx.account.notices import INotifier
from synnefo_tx.account.rows import control
from synnefo_tx.audit.entry import Entry
from synnefo_tx.compute.rows.expiry import forget_old as forget_actions
from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.effect.rows.expiry import forget_old as forget_tasks
from synnefo_tx.events.rows.reading import forget_old as forget_events
from synnefo_tx.events.rows.webhooks import forget_gone as forget_webhooks
from synnefo_tx.identity.follower import IFollower
from synnefo_tx.identity.rows.expiry import forget_expired as forget_identitys
from synnefo_tx.openid.rows.expiry import forget_expired as forget_providers
from synnefo_tx.people.doing import Doing as PeopleDoing
from synnefo_tx.people.rows.records import forget_lapsed
from synnefo_tx.quota.over import IOverQuota
from synnefo_tx.quota.rows import over
from synnefo_tx.quota.rows.gone import forget_gone
from synnefo_tx.store import leases
from synnefo_tx.store.database import Database

EVERY_S = 30.0
SELDOM_S = 3600.0  # what reads whole tables
LEASE_S = 120  # so long nobody does them after their doer died
LEASE = "chores"
EXPIRED = "expired"  # why projects end
WHO = "synnefo-api"  # as the log of projects names us


@define
class Chores:
    """
    clock: seconds since the epoch.  horizon_s: how long tokens live that may have to end.
    over_quota: told of those who are above a limit; None: nobody is.
    """

    _database: Database
    _clock: Callable[[], float]
    _horizon_s: int
    _follower: IFollower
    _notifier: INotifier
    _reactor: Any
    _over_quota: IOverQuota | None = None
    _holder: str = field(factory=lambda: uuid.uuid4().hex, init=False)
    _rounds: Rounds = field(init=False)
    _seldom_at: float = field(default=0.0, init=False)  # done last
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._rounds = Rounds(self._reactor, lambda: self._safely(self.once))

    def start(self) -> None:
        """
        Do them from now on.
        """
        self._rounds.start(EVERY_S)

    async def stop(self) -> None:
        """
        Returns once none is under way; another process may go on at once.
        """
        if not self._rounds.running:
            return
        await self._rounds.stop()
        await self._safely(self._give_back)

    async def once(self) -> None:
        """
        Do all of them, unless another process does.  One that fails is logged and keeps no other
        from being done.
        """
        now = int(self._clock())
        ours = await self._database.write(leases.take, LEASE, self._holder, now, LEASE_S)
        if not ours:
            return
        for chore in (
            self._end_projects,
            self._tell_over_quota,
            self._forget_people,
            self._forget_rows,
            self._seldom,
        ):
            await self._safely(chore)

    async def _safely(self, chore: Callable[[], Awaitable[None]]) -> None:
        try:
            await chore()
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("{chore} failed", chore=chore.__name__)

    async def _end_projects(self) -> None:
        for row in await self._database.read(control.expired, self._doing().now_us):
            told = {"reason": EXPIRED}
            line = Entry("account:terminate_project", "project", row.id, WHO, details=told)
            try:
                await self._database.write(control.end_expired, self._doing(), line)
            except Exception:  # noqa: BLE001 - the others end all the same
                self._log.failure("project {id} could not be ended", id=row.id)

    async def _tell_over_quota(self) -> None:
        if self._over_quota is None:
            return
        moves = await self._database.read(over.moves)
        if moves:
            await self._over_quota.moved(moves)
            await self._database.write(over.settle, moves, int(self._clock() * 1e6))

    async def _forget_people(self) -> None:
        doing = PeopleDoing(self._clock(), self._horizon_s, self._follower)
        await self._database.write(forget_lapsed, doing)

    async def _forget_rows(self) -> None:
        now = int(self._clock())
        for unit in (forget_identitys, forget_providers, forget_events):
            await self._database.write(unit, now)

    async def _seldom(self) -> None:
        if self._clock() < self._seldom_at + SELDOM_S:
            return
        await self._database.write(forget_gone)
        await self._database.write(forget_webhooks)
        for unit in (forget_actions, forget_tasks):
            await self._database.write(unit, int(self._clock()))
        self._seldom_at = self._clock()

    async def _give_back(self) -> None:
        await self._database.write(leases.give_back, LEASE, self._holder)

    def _doing(self) -> ProjectDoing:
        actor = Actor(WHO, is_admin=True)
        now_us = int(self._clock() * 1e6)
        return ProjectDoing(actor, now_us, self._horizon_s, EXPIRED, self._notifier)
