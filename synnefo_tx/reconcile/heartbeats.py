"""
A heartbeat through the whole loop: a job that does nothing, of which the cluster tells.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.reconcile.rows import heartbeats
from synnefo_tx.reconcile.rows.known import cluster_names
from synnefo_tx.store import leases
from synnefo_tx.store.database import Database

EVERY_S = 60.0
LEASE_S = 90
LEASE = "heartbeats"
TAG = f"snf:eventd:heartbeat:{socket.gethostname()}:{os.getpid()}"[:128]  # as Synnefo's


class HeartBeats(Service):
    """
    Of several at one database one sends them.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, database: Database, clusters: Clusters, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._clusters = clusters
        self._clock = clock
        self._holder = uuid.uuid4().hex
        self._rounds = Rounds(reactor, self._beat)

    def startService(self) -> None:
        super().startService()
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._rounds.stop()
        await self._database.write(leases.give_back, LEASE, self._holder)

    async def _beat(self) -> None:
        try:
            now = int(self._clock())
            if not await self._database.write(leases.take, LEASE, self._holder, now, LEASE_S):
                return
            for cluster_id in await self._database.read(cluster_names):
                await self._send(cluster_id)
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("heartbeats could not be sent")

    async def _send(self, cluster_id: str) -> None:
        # Noted first: the news may be quicker than the answer.
        await self._database.write(heartbeats.sent, cluster_id, int(self._clock() * 1e6))
        try:
            cluster = await self._clusters.get(cluster_id)
            query = {"tag": TAG, "dry-run": "1"}
            await cluster.submit(f"heartbeat:{uuid.uuid4()}", "PUT", "/2/tags", query, None)
        except (ClusterAway, ClusterRefused) as error:
            self._log.warn(
                "cluster {cluster_id} took no heartbeat: {error}",
                cluster_id=cluster_id,
                error=str(error),
            )
