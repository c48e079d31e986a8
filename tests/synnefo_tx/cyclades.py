"""
A cloud that plays: services spoken to by HTTP in memory, the performer, a cluster whose jobs run,
and the listener that takes their news in.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.cluster.interface import ICluster
from synnefo_tx.daemon.bus.interface import Delivery
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.perform import Performer
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.update.listener import UpdateListener
from tests.synnefo_tx.compute.cloud import NOW, Cloud
from tests.synnefo_tx.playing_cluster import PlayingCluster

ROUNDS = 50  # of asking, running and telling; a task has a few steps


class Cyclades:
    """
    Calls go by `cloud`; nothing reaches the cluster before `settle`.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self._test = test
        self.cloud = Cloud(test)
        self.cluster = PlayingCluster()
        self.clock = Clock()
        self.clock.advance(NOW)
        database = self.cloud.database
        clusters = Clusters(database, self._reach)
        self._performer = Performer(self.clock, database, clusters, self.clock.seconds)
        self._listener = UpdateListener(database, None, self.clock.seconds)
        test.addCleanup(self._stop)

    def _reach(self, _address: Any) -> Deferred[ICluster]:
        return succeed(self.cluster)

    def _stop(self) -> None:
        self._test.successResultOf(self._performer.stopService())

    def settle(self) -> None:
        """
        Wishes are sent, jobs run and news taken in, until nothing is left to do.
        """
        for _ in range(ROUNDS):
            self.send()
            news = self.cluster.run(self.clock.seconds())
            if not news and not self._waiting():
                return
            self.tell(*news)
        raise AssertionError(f"after {ROUNDS} rounds there is still something to do")

    def send(self) -> None:
        """
        Wishes are sent; their jobs wait for `settle`, or for the test.
        """
        if not self._performer.running:
            self._performer.startService()
        self._performer.kick()
        self.clock.pump([0.1] * 3)
        self.cloud.now = self.clock.seconds()

    def tell(self, *news: Delivery) -> None:
        """
        News are taken in as one batch.
        """
        if news:
            self._test.successResultOf(Deferred.fromCoroutine(self._listener.take(news)))

    def show(self, server_id: str, **more: Any) -> dict[str, Any]:
        """
        The server as its user is shown it.
        """
        answer = self.cloud.nova("GET", f"/servers/{server_id}", **more)
        self._test.assertEqual(answer.status, 200, answer.body)
        shown: dict[str, Any] = answer.json["server"]
        return shown

    def running(self, **fields: Any) -> str:
        """
        A new server that runs on the cluster.
        """
        server_id = self.cloud.create(**fields)
        self.settle()
        self._test.assertEqual(self.show(server_id)["status"], "ACTIVE")
        return server_id

    def _waiting(self) -> int:
        with self.cloud.database.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(effects)).scalar() or 0)
