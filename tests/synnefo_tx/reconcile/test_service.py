"""
Reconciliation by itself, and the gauges that tell of it.
"""

from __future__ import annotations

import json
from typing import Any

from prometheus_client import generate_latest
from sqlalchemy import select, update
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.cluster.memory import MemoryGaneti
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.daemon.bus.interface import Delivery
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.http.metrics import Metrics
from synnefo_tx.processes import drift_gauges
from synnefo_tx.processes.drift_gauges import DriftGauges
from synnefo_tx.reconcile.heartbeats import EVERY_S as BEAT_EVERY_S
from synnefo_tx.reconcile.heartbeats import HeartBeats
from synnefo_tx.reconcile.rows import heartbeats
from synnefo_tx.reconcile.service import EVERY_S, LEASE, Reconciler
from synnefo_tx.store import leases
from tests.synnefo_tx.cyclades import Cyclades


class ServiceTests(SynchronousTestCase):
    """A server that runs, and whose news are lost."""

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        self.server_id = self.cyclades.running()
        self.held = self.cyclades.cluster.held.instances
        self.database = self.cyclades.cloud.database
        self.clock = self.cyclades.clock
        self.kicks: list[None] = []
        self.service = self.make()
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def make(self) -> Reconciler:
        clusters = Clusters(self.database, lambda _address: succeed(self.cyclades.cluster))
        kick = lambda: self.kicks.append(None)  # noqa: E731 - as short as it is
        return Reconciler(self.clock, self.database, clusters, self.clock.seconds, kick)

    def state(self) -> Any:
        with self.database.engine.connect() as connection:
            return connection.execute(
                select(servers.c.vm_state).where(servers.c.id == self.server_id)
            ).scalar()

    def gauges(self) -> dict[str, float]:
        metrics = Metrics()
        gauges = DriftGauges(self.database, self.clock.seconds, metrics, self.clock)
        gauges.startService()
        self.addCleanup(gauges.stopService)
        self.clock.advance(drift_gauges.EVERY_S)
        lines = generate_latest(metrics.registry).decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def test_what_news_were_lost_of(self) -> None:
        """It is mended, but not before a first while is over."""
        self.held[f"snf-{self.server_id}"]["status"] = "stopped"
        self.clock.advance(1)
        self.assertEqual(self.state(), "active")
        self.clock.advance(EVERY_S)
        self.assertEqual((self.state(), len(self.kicks)), ("stopped", 1))

    def test_what_a_cluster_could_not_do(self) -> None:
        """It is asked for again: a rule that was withdrawn does not stay open."""
        with self.database.engine.begin() as connection:
            connection.execute(update(cluster_things).values(state="ERROR", message="away"))
        self.clock.advance(EVERY_S)
        self.assertEqual(len(self.kicks), 1)
        self.cyclades.settle()
        with self.database.engine.connect() as connection:
            states = connection.execute(select(cluster_things.c.state)).scalars().all()
        self.assertEqual(set(states), {"ACTIVE"})

    def test_nothing_is_removed(self) -> None:
        """A server that its cluster lacks, and an instance that nobody knows, are counted alone."""
        self.held["snf-11111111-2222-4333-8444-555555555555"] = self.held.pop(
            f"snf-{self.server_id}"
        )
        self.clock.advance(EVERY_S)
        self.cyclades.settle()
        self.assertEqual((self.state(), len(self.held)), ("active", 1))
        told = self.gauges()
        kinds = [name for name in told if "server." in name]
        self.assertEqual(len(kinds), 2, told)
        self.assertIn('what="server.stale"', " ".join(kinds))
        self.assertEqual({told[name] for name in kinds}, {1.0})
        age_s = told["synnefo_reconciliation_age_seconds"]
        self.assertEqual(int(age_s), drift_gauges.EVERY_S)

    def test_no_run_yet(self) -> None:
        """The age says so."""
        self.assertEqual(self.gauges()["synnefo_reconciliation_age_seconds"], -1)

    def test_one_of_two(self) -> None:
        """While another process has the lease, nothing is done here; then it is."""
        self.held[f"snf-{self.server_id}"]["status"] = "stopped"
        now = int(self.clock.seconds())
        self.write(leases.take, LEASE, "another", now, int(1.5 * EVERY_S))
        self.clock.advance(EVERY_S)
        self.assertEqual(self.state(), "active")
        self.clock.advance(EVERY_S)
        self.assertEqual(self.state(), "stopped")

    def test_stopped(self) -> None:
        """Who stops leaves the lease to others."""
        self.clock.advance(EVERY_S)
        self.successResultOf(self.service.stopService())
        now = int(self.clock.seconds())
        self.assertTrue(self.write(leases.take, LEASE, "another", now, 1))

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))


class HeartBeatTests(SynchronousTestCase):
    """From a job that does nothing to the gauge."""

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        self.database, self.clock = self.cyclades.cloud.database, self.cyclades.clock
        self.cluster = MemoryGaneti()
        clusters = Clusters(self.database, lambda _address: succeed(self.cluster.cluster()))
        self.service = HeartBeats(self.clock, self.database, clusters, self.clock.seconds)
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def ages(self) -> list[float]:
        now_us = int(self.clock.seconds() * 1e6)
        asked = Deferred.fromCoroutine(self.database.read(heartbeats.ages, now_us))
        return list(self.successResultOf(asked).values())

    def news(self) -> None:
        """As ganetid tells of a dry run of such a tag, while it waits."""
        told = {
            "type": "eventd-heartbeat",
            "event_time": list(divmod(int(self.clock.seconds() * 1e6), 1_000_000)),
            "status": "waiting",
            "operation": "OP_TAGS_SET",
            "cluster": "one",
            "jobId": 17,
        }
        self.cyclades.tell(Delivery("eventd.heartbeat", json.dumps(told).encode()))

    def test_heard(self) -> None:
        """Its age is that of the newest news, not of the newest job."""
        self.assertEqual(self.ages(), [-1])
        self.news()
        self.assertEqual(self.ages(), [0])
        self.clock.advance(BEAT_EVERY_S)
        self.assertEqual(self.ages(), [BEAT_EVERY_S])
        self.news()
        self.assertEqual(self.ages(), [0])
        first, second = self.cluster.jobs
        self.assertEqual((first.method, first.path, second.query), ("PUT", "/2/tags", first.query))
        self.assertEqual(first.query["dry-run"], "1")

    def test_away(self) -> None:
        """A cluster that takes none stays as old as it is, and is tried again."""
        self.news()
        self.cluster.away = True
        self.clock.advance(BEAT_EVERY_S)
        self.assertEqual((len(self.cluster.jobs), self.ages()), (1, [BEAT_EVERY_S]))
        self.cluster.away = False
        self.clock.advance(BEAT_EVERY_S)
        self.assertEqual(len(self.cluster.jobs), 2)
