"""
Which node groups clusters have: asked now and then, so that networks reach new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select, update
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.forms import NETWORK
from synnefo_tx.effect.rows import things
from synnefo_tx.effect.rows.network_shapes import FIRST_GROUP
from synnefo_tx.store.database import Database

EVERY_S = 60.0


class NodeGroups(Service):
    """
    kick: called after a commit that wrote wishes.  Several at one database do no harm.
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
        self._rounds = Rounds(reactor, self._look)

    def startService(self) -> None:
        super().startService()
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._rounds.stop())

    async def _look(self) -> None:
        try:
            for cluster_id in await self._database.read(_ids):
                await self._ask(cluster_id)
        except Exception:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure("node groups could not be looked at")

    async def _ask(self, cluster_id: str) -> None:
        try:
            cluster = await self._clusters.get(cluster_id)
            shown = await cluster.get("/2/groups", {"bulk": "1"})
        except (ClusterAway, ClusterRefused) as error:
            self._log.warn(
                "node groups of cluster {cluster_id} are not known: {error}",
                cluster_id=cluster_id,
                error=str(error),
            )
            return
        names = sorted(group["name"] for group in shown)
        if await self._database.write(learn, cluster_id, names, int(self._clock() * 1e6)):
            self._kick()


def learn(connection: Connection, cluster_id: str, names: list[str], now_us: int) -> bool:
    """
    The cluster has these node groups: the networks that it has reach those that are new.  True when
    a wish was written.
    """
    this = clusters.c.id == cluster_id
    known = connection.execute(select(clusters.c.node_groups).where(this)).scalar()
    if known == names:
        return False
    connection.execute(update(clusters).where(this).values(node_groups=names))
    if set(names) <= set(known or FIRST_GROUP):
        return False
    return things.want_at(connection, NETWORK, cluster_id, now_us)


def _ids(connection: Connection) -> list[str]:
    return [row.id for row in connection.execute(select(clusters.c.id).order_by(clusters.c.id))]
