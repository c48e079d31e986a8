"""
The performer against a Ganeti in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.cluster.memory import MemoryGaneti
from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.effect import plan
from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.effect.forms import NETWORK as NETWORKS
from synnefo_tx.effect.perform import GIVE_UP_US, Performer
from synnefo_tx.effect.rows import outbox, things
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.update.messages import News
from tests.synnefo_tx.a_server import NOW_US, RESERVED, begin_server, server_row, stand, used

NETWORK = things.Thing(NETWORKS, "n1")


class PerformerTests(SynchronousTestCase):
    """Wishes become jobs, once each."""

    def setUp(self) -> None:
        self.ganeti = MemoryGaneti()
        self.clock = Clock()
        self.clock.advance(NOW_US / 1e6)
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.write(stand)
        self.performer = self.make_performer()

    def make_performer(self) -> Performer:
        clusters = Clusters(self.database, lambda _address: succeed(self.ganeti.cluster()))
        return Performer(self.clock, self.database, clusters, self.clock.seconds)

    def make_database(self) -> Database:
        """The empty database under test."""
        return immediate_database(Path(self.mktemp()).absolute())

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))

    def waiting(self) -> int:
        def count(connection: Any) -> int:
            return int(connection.execute(select(func.count()).select_from(effects)).scalar())

        return int(self.write(count))

    def network_stands(self) -> None:
        """The network is up on the cluster already, nothing waits."""
        self.write(things.ensure, NETWORK, "c1", NOW_US)
        done = {"state": "ACTIVE", "applied_revision": 1, "task_id": None}
        self.write(lambda c: c.execute(update(cluster_things).values(**done)))
        self.write(lambda c: c.execute(effects.delete()))

    def test_server_waits_for_the_jobs_of_its_network(self) -> None:
        """The first server brings its network up and depends on the last of what that takes."""
        self.write(begin_server)
        self.performer.startService()
        self.clock.pump([0.05] * 20)
        self.assertEqual([job.path for job in self.ganeti.jobs], ["/2/networks"])
        for job_id in (1, 2):
            made = {"status": "success", "cluster": "cluster", "job_id": job_id}
            news = News(type="", event_time=(1, 0), **made)
            self.write(ENDINGS.told, [news], {"cluster": "c1"}, NOW_US)
            self.clock.pump([0.05] * 20)
        path = "/2/networks/snf-net-n1"
        self.assertEqual(
            [job.path for job in self.ganeti.jobs],
            ["/2/networks", f"{path}/options", f"{path}/connect", "/2/instances"],
        )
        final = ["success", "error", "canceled"]
        self.assertEqual(
            [job.body.get("depends") for job in self.ganeti.jobs],
            [None, None, None, [[3, final]]],
        )
        self.assertEqual((self.waiting(), self.write(server_row).task_state), (0, "spawning"))

    def test_cluster_that_comes_back(self) -> None:
        """While the cluster is away the wish waits; then it is sent, once."""
        self.network_stands()
        self.write(begin_server)
        self.ganeti.away = True
        self.performer.startService()
        self.clock.pump([0.1] * 30)
        self.assertEqual((len(self.ganeti.jobs), self.waiting()), (0, 1))
        self.ganeti.away = False
        self.clock.pump([1.0] * 10)
        self.assertEqual((len(self.ganeti.jobs), self.waiting()), (1, 0))

    def test_killed_between_sending_and_noting(self) -> None:
        """A wish that was sent but not noted is sent again, and makes no second job."""
        self.network_stands()
        effect_id = self.write(begin_server)
        cluster = self.ganeti.cluster()
        sent = Deferred.fromCoroutine(cluster.submit(effect_id, "POST", "/2/instances", {}, {}))
        self.assertEqual(self.successResultOf(sent), 1)
        self.performer.startService()
        self.clock.pump([0.1] * 5)
        self.assertEqual((len(self.ganeti.jobs), self.waiting()), (1, 0))

    def test_refused_server_is_an_error_and_costs_nothing(self) -> None:
        """The cluster's words reach the user, the quota returns."""
        self.network_stands()
        self.write(begin_server)
        self.assertEqual(self.write(used), RESERVED)
        self.ganeti.refusal = "no such disk template"
        self.performer.startService()
        self.clock.pump([0.1] * 5)
        row = self.write(server_row)
        self.assertEqual(
            (row.vm_state, row.fault["message"], self.write(used), self.waiting()),
            ("error", "no such disk template", {}, 0),
        )

    def test_refused_wish_leaves_a_later_task(self) -> None:
        """A create that is refused while a deletion waits does not end the deletion."""
        self.network_stands()
        self.write(begin_server)
        create = self.write(lambda c: c.execute(select(effects)).one())
        self.write(lambda c: c.execute(update(servers).values(task_state="deleting")))
        self.write(ENDINGS.refused, create, "no such instance", NOW_US)
        self.assertEqual(self.write(server_row).task_state, "deleting")

    def test_refused_but_settled_before(self) -> None:
        """A late refusal of a wish that another sender brought home changes nothing."""
        self.network_stands()
        self.write(begin_server)
        wish = self.write(lambda c: c.execute(select(effects)).one())
        self.write(ENDINGS.taken, wish, 7, NOW_US)
        self.write(ENDINGS.refused, wish, "too late", NOW_US)
        row = self.write(server_row)
        self.assertEqual(
            (row.vm_state, row.task_state, self.write(used)), ("building", "spawning", RESERVED)
        )

    def test_gives_up_after_a_while(self) -> None:
        """A cluster that never comes back does not leave a server in BUILD for ever."""
        self.network_stands()
        self.write(begin_server)
        self.ganeti.away = True
        self.performer.startService()
        self.clock.pump([10.0] * (GIVE_UP_US // 10_000_000 + 10))
        self.assertEqual((self.write(server_row).vm_state, self.write(used)), ("error", {}))

    def test_effects_of_one_server_keep_their_order(self) -> None:
        """A delete is never sent before the create that waits."""
        self.network_stands()
        self.write(begin_server)
        self.write(outbox.put, plan.delete_server("v1", "c1"), NOW_US)
        self.ganeti.away = True
        self.performer.startService()
        self.clock.pump([0.1] * 10)
        self.ganeti.away = False
        self.clock.pump([1.0] * 20)
        self.assertEqual([job.method for job in self.ganeti.jobs], ["POST", "DELETE"])

    def test_rests_while_a_wish_waits_behind_another(self) -> None:
        """What is due but must wait for one that was put off does not make it ask on and on."""
        self.network_stands()
        self.write(begin_server)
        self.write(outbox.put, plan.delete_server("v1", "c1"), NOW_US)
        self.ganeti.away = True
        self.performer.startService()
        self.clock.pump([1.0] * 30)  # by then the first is put off for half a minute
        claims: list[int] = []

        def claim(connection: Connection, now_us: int, until_us: int, limit: int) -> list[Any]:
            claims.append(now_us)
            return claimed(connection, now_us, until_us, limit)

        claimed = outbox.claim
        self.patch(outbox, "claim", claim)
        self.clock.pump([0.1] * 100)
        self.assertLessEqual(len(claims), 5)

    def test_silent_cluster_holds_up_no_other(self) -> None:
        """While one cluster does not answer, wishes for another are sent."""
        self.network_stands()
        silent: Deferred[int] = Deferred()

        class Silent:
            def submit(self, *_: Any) -> Deferred[int]:
                return silent

        def second_cluster(connection: Any) -> None:
            row = connection.execute(select(clusters)).mappings().one()
            connection.execute(
                clusters.insert().values(**{**row, "id": "c2", "name": "two", "rapi_url": "silent"})
            )

        self.write(second_cluster)
        known = Clusters(
            self.database,
            lambda address: succeed(Silent() if address.url == "silent" else self.ganeti.cluster()),
        )
        self.performer = Performer(self.clock, self.database, known, self.clock.seconds)
        self.write(outbox.put, plan.start_server("v2", "c2"), NOW_US)
        self.performer.startService()
        self.clock.pump([0.01] * 5)
        self.write(outbox.put, plan.start_server("v1", "c1"), NOW_US)
        self.performer.kick()
        self.clock.pump([0.01] * 5)
        self.assertEqual([job.path for job in self.ganeti.jobs], ["/2/instances/snf-v1/startup"])
        stopped = self.performer.stopService()
        self.assertNoResult(stopped)
        silent.callback(7)
        self.successResultOf(stopped)
