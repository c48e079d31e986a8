"""
Networks reach the node groups that clusters come to have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.node_groups import EVERY_S, NodeGroups
from synnefo_tx.effect.rows import things
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.a_server import NOW_US, stand
from tests.synnefo_tx.playing_cluster import PlayingCluster


class NodeGroupsTests(SynchronousTestCase):
    """What is asked now and then."""

    def setUp(self) -> None:
        self.database = immediate_database(Path(self.mktemp()).absolute())
        self.addCleanup(self.database.engine.dispose)
        self.cluster = PlayingCluster()
        self.clock = Clock()
        self.kicks: list[None] = []
        clusters = Clusters(self.database, lambda _address: succeed(self.cluster))
        self.service = NodeGroups(
            self.clock, self.database, clusters, self.clock.seconds, lambda: self.kicks.append(None)
        )
        self.write(stand)
        self.write(things.ensure, things.Thing("network", "n1"), "c1", NOW_US)
        done = {"state": "ACTIVE", "applied_revision": 1, "task_id": None}
        self.write(lambda c: c.execute(cluster_things.update().values(**done)))
        self.write(lambda c: c.execute(effects.delete()))
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))

    def waiting(self) -> int:
        return len(self.write(lambda c: c.execute(select(effects)).all()))

    def test_one_group(self) -> None:
        """Nothing is to be done for the one that every cluster has."""
        self.clock.advance(EVERY_S)
        self.assertEqual((self.waiting(), self.kicks), (0, []))

    def test_another(self) -> None:
        """A new group has the networks connected; what is known already is not asked for again."""
        self.cluster.groups.append("second")
        self.clock.advance(EVERY_S)
        self.assertEqual((self.waiting(), len(self.kicks)), (1, 1))
        self.clock.advance(EVERY_S)
        self.assertEqual((self.waiting(), len(self.kicks)), (1, 1))

    def test_away(self) -> None:
        """A cluster that does not answer is asked again."""
        self.cluster.away = True
        self.cluster.groups.append("second")
        self.clock.advance(EVERY_S)
        self.cluster.away = False
        self.clock.advance(EVERY_S)
        self.assertEqual(self.waiting(), 1)
