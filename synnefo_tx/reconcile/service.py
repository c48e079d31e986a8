"""
Reconciliation again and again, by one process of all at a database.  It mends what can harm no
user, and counts the rest for Prometheus.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.reconcile import compare, unheard
from synnefo_tx.reconcile.asking import Get
from synnefo_tx.reconcile.rows import counts, strays
from synnefo_tx.reconcile.run import Run
from synnefo_tx.store import leases
from synnefo_tx.store.database import Database

EVERY_S = 300.0
LEASE_S = 600
LEASE = "reconcile"
BY_ITSELF = (  # what only lost news can have left, or users have asked for: else nothing goes
    compare.STATE,
    compare.NODE,
    compare.LOST_TASK,
    compare.NETWORK_MISSING,
    strays.THING,
    unheard.WHAT,
)


class Reconciler(Service):
    """
    kick: called after a commit that wrote wishes.  The first run is EVERY_S after the start, when
    what was under way has been told.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        clusters: Clusters,
        clock: Callable[[], float],
        kick: Callable[[], None],
    ) -> None:
        self._database = database
        self._clusters = clusters
        self._clock = clock
        self._kick = kick
        self._holder = uuid.uuid4().hex
        self._rounds = Rounds(reactor, self._once)
        self._begun_at = 0.0

    def startService(self) -> None:
        super().startService()
        self._begun_at = self._clock()
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """
        Another may go on at once.
        """
        await self._rounds.stop()
        await self._database.write(leases.give_back, LEASE, self._holder)

    async def _once(self) -> None:
        if self._clock() < self._begun_at + EVERY_S:
            return
        try:
            now = int(self._clock())
            if await self._database.write(leases.take, LEASE, self._holder, now, LEASE_S):
                await self._run()
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("reconciliation failed")

    async def _run(self) -> None:
        now_us = int(self._clock() * 1e6)
        found, mended = await Run(self._database, self._get, now_us).find(BY_ITSELF)
        for one in found.drifts:
            self._log.warn(
                "{what} {id} at {cluster}: rows say {known!r}, the cluster {shown!r}; {end}",
                what=one.what,
                id=one.thing_id,
                cluster=one.cluster_id,
                known=one.known,
                shown=one.shown,
                end="mended" if one in mended else "left",
            )
        await self._database.write(counts.keep, found, now_us)
        if mended:
            self._kick()

    async def _get(self, cluster_id: str) -> Get:
        get: Get = (await self._clusters.get(cluster_id)).get
        return get
