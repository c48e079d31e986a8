"""
Each kind of difference is found, mended, and then not found any more; nothing else is touched.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import insert, select, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.quota.rows.tables import holdings
from synnefo_tx.reconcile.run import MENDABLE, PATIENCE_US, Run
from synnefo_tx.reconcile.values import Drift, Found
from synnefo_tx.volume.rows.tables import volumes
from tests.synnefo_tx.compute.cloud import NETWORK
from tests.synnefo_tx.cyclades import Cyclades

WHOLE = frozenset(MENDABLE)


class RunTests(SynchronousTestCase):
    """A server that runs on a cluster that plays; then one side is changed behind the other."""

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        self.cluster = self.cyclades.cluster
        self.server_id = self.cyclades.running()
        self.action = f"/servers/{self.server_id}/action"
        self.instance = self.cluster.held.instances[f"snf-{self.server_id}"]
        self.run_once("quota.usage")  # the network that is there from the beginning was not charged

    def run_once(self, *fix: str, later_us: int = 0) -> tuple[Found, tuple[Drift, ...]]:
        async def getter(_cluster_id: str) -> Any:
            return self.cluster.get

        now_us = int(self.cyclades.clock.seconds() * 1e6) + later_us
        run = Run(self.cyclades.cloud.database, getter, now_us)
        return self.successResultOf(Deferred.fromCoroutine(run.find(fix)))

    def whats(self, later_us: int = 0) -> list[str]:
        return [one.what for one in self.run_once(later_us=later_us)[0].drifts]

    def change(self, statement: Any) -> None:
        with self.cyclades.cloud.database.engine.begin() as connection:
            connection.execute(statement)

    def row(self) -> Any:
        with self.cyclades.cloud.database.engine.connect() as connection:
            return connection.execute(select(servers).where(servers.c.id == self.server_id)).one()

    def mend(self, what: str, later_us: int = 0) -> None:
        """Found, told and mended; the cluster does what is asked of it; then it is gone."""
        self.assertEqual(set(self.whats(later_us)) - {"quota.usage"}, {what})
        _, mended = self.run_once(*WHOLE, later_us=later_us)
        self.assertIn(what, [one.what for one in mended])
        self.cyclades.settle()
        self.assertEqual(self.whats(later_us), [])

    def test_nothing(self) -> None:
        """A cloud in order."""
        self.assertEqual(self.run_once(*WHOLE), (Found((), {}), ()))

    def test_dry_run(self) -> None:
        """Without being asked to mend, nothing is."""
        del self.cluster.held.instances[f"snf-{self.server_id}"]
        self.assertEqual((self.whats(), self.whats()), (["server.stale"], ["server.stale"]))
        self.assertIsNone(self.row().deleted_at)

    def test_stale(self) -> None:
        """A server whose instance is gone is gone, with its ports and its quota."""
        del self.cluster.held.instances[f"snf-{self.server_id}"]
        self.mend("server.stale")
        self.assertEqual(self.row().vm_state, "deleted")

    def test_orphan(self) -> None:
        """An instance of ours that nobody knows is removed; a stranger's is left."""
        stranger = str(uuid.uuid4())
        for name in (f"snf-{stranger}", "web1", "snf-web1"):
            self.cluster.held.instances[name] = {**self.instance, "disks": []}
        self.mend("server.orphan")
        left = {f"snf-{self.server_id}", "web1", "snf-web1"}
        self.assertEqual(set(self.cluster.held.instances), left)

    def test_orphan_with_a_volume(self) -> None:
        """One that holds a user's volume is told of, and left."""
        volume_id = str(uuid.uuid4())
        self.change(
            insert(volumes).values(
                id=volume_id,
                name="mine",
                project_id="project-alice",
                is_local=False,
                index=0,
                size_gib=1,
                status="available",
                reserved={},
                delete_on_termination=False,
                created_at=0,
                updated_at=0,
            )
        )
        name = f"snf-{uuid.uuid4()}"
        self.cluster.held.instances[name] = {
            **self.instance,
            "disks": [{"name": f"snf-vol-{volume_id}"}],
        }
        found, mended = self.run_once("server.orphan")
        self.assertIn("server.orphan", [one.what for one in found.drifts])
        self.cyclades.settle()
        self.assertEqual((mended, name in self.cluster.held.instances), ((), True))

    def test_state(self) -> None:
        """The guest was stopped by itself, or by the cluster's administrator."""
        self.instance["status"] = "stopped"
        self.mend("server.state")
        self.assertEqual((self.row().vm_state, self.row().power_state), ("stopped", 4))
        self.instance["status"] = "running"
        self.mend("server.state")
        self.assertEqual(self.row().vm_state, "active")

    def test_node(self) -> None:
        """It was moved, and the news were lost."""
        self.instance["node"] = "node7"
        self.mend("server.node")
        self.assertEqual(self.row().node, "node7")

    def test_only_told(self) -> None:
        """Other sizes, NICs and disks are told of: which side is right nobody knows."""
        self.instance["beparams"] = {"vcpus": 9, "memory": 9}
        self.instance["nics"].clear()
        self.instance["disks"].append({"name": "snf-vol-x", "size": 1})
        before = self.row()
        found, mended = self.run_once(*WHOLE)
        whats = [one.what for one in found.drifts]
        self.assertEqual(whats, ["server.disks", "server.flavor", "server.nics"])
        self.assertEqual((mended, self.row()), ((), before))

    def test_busy(self) -> None:
        """Of a server that something is asked of, nothing is said."""
        self.cyclades.cloud.nova("POST", f"/servers/{self.server_id}/action", {"os-stop": None})
        self.instance["status"] = "stopped"
        self.assertEqual(self.whats(2 * PATIENCE_US), [])

    def test_news_that_were_lost(self) -> None:
        """What waits for a job that has ended goes on as if the news had come."""
        for failure, state in ((None, "suspended"), ("no room", "active")):
            if failure is not None:
                self.cyclades.cloud.nova("POST", self.action, {"resume": None})
                self.cyclades.settle()
                self.cluster.failures["OP_INSTANCE_SUSPEND"] = failure
            self.cyclades.cloud.nova("POST", self.action, {"suspend": None})
            self.cyclades.send()
            news = self.cluster.run(self.cyclades.clock.seconds())
            self.assertEqual(self.run_once("task.unheard")[1], ())
            _, mended = self.run_once("task.unheard", later_us=2 * PATIENCE_US)
            self.assertEqual([one.what for one in mended], ["task.unheard"])
            row = self.row()
            self.assertIsNone(row.task_state)
            self.assertEqual(row.fault and row.fault["message"], failure)
            self.cyclades.tell(*news)  # late, but not lost
            self.assertEqual(self.row().vm_state, state)

    def test_lost_task(self) -> None:
        """It waits for news that never come: after a while it is what the cluster shows."""
        this = update(servers).where(servers.c.id == self.server_id)
        self.change(this.values(task_state="powering-off"))
        self.instance["status"] = "stopped"
        self.assertEqual(self.whats(), [])
        self.mend("server.task", 2 * PATIENCE_US)
        self.assertEqual((self.row().vm_state, self.row().task_state), ("stopped", None))

    def test_lost_task_of_one_that_sleeps(self) -> None:
        """It sleeps on: as one that is stopped it would be started, and forget all."""
        this = update(servers).where(servers.c.id == self.server_id)
        self.change(this.values(vm_state="suspended", task_state="resuming", power_state=7))
        self.instance["status"] = "stopped"
        self.run_once("server.task", later_us=2 * PATIENCE_US)
        row = self.row()
        self.assertEqual((row.vm_state, row.task_state, row.power_state), ("suspended", None, 7))

    def test_lost_creation(self) -> None:
        """A server that never came to be is in error, and nobody pays for it."""
        self.lose_creation("spawning")

    def test_lost_creation_of_an_earlier_release(self) -> None:
        """Likewise of one that was being built when the tasks of its time were forgotten."""
        self.lose_creation(None)

    def lose_creation(self, task_state: str | None) -> None:
        this = update(servers).where(servers.c.id == self.server_id)
        self.change(this.values(vm_state="building", task_state=task_state))
        del self.cluster.held.instances[f"snf-{self.server_id}"]
        self.assertEqual(self.whats(), [])
        self.mend("server.task", 2 * PATIENCE_US)
        self.assertEqual((self.row().vm_state, self.row().reserved), ("error", {}))

    def test_network_missing(self) -> None:
        """A network that stood is made again."""
        del self.cluster.held.networks[f"snf-net-{NETWORK}"]
        self.mend("network.missing")
        self.assertIn(f"snf-net-{NETWORK}", self.cluster.held.networks)

    def test_network_orphan(self) -> None:
        """One that nobody knows is taken away."""
        name = f"snf-net-{uuid.uuid4()}"
        held = self.cluster.held.networks
        held[name] = {**held[f"snf-net-{NETWORK}"]}
        self.mend("network.orphan")
        self.assertNotIn(name, held)

    def test_what_a_cluster_could_not_do(self) -> None:
        """A change that failed, and what could not be taken away, are asked for again."""
        held, name = self.cluster.held.networks, f"snf-net-{NETWORK}"
        this = cluster_things.c.thing_id == NETWORK
        failed = update(cluster_things).where(this)
        self.change(failed.values(state="ERROR", message="no bridge", wanted_revision=2))
        self.mend("thing.failed")
        with self.cyclades.cloud.database.engine.connect() as connection:
            row = connection.execute(select(cluster_things).where(this)).one()
        self.assertEqual((row.state, row.applied_revision), ("ACTIVE", 2))
        self.change(failed.values(state="LEAVING", message="in use"))
        self.mend("thing.failed")
        self.assertNotIn(name, held)

    def test_stray_port(self) -> None:
        """A port of a server that is gone goes; one that its user made stays."""
        with self.cyclades.cloud.database.engine.connect() as connection:
            row = connection.execute(select(ports)).first()
        assert row is not None
        for number, is_own in enumerate((False, True)):
            mac = f"02:00:00:00:00:0{number}"
            values = {"id": str(uuid.uuid4()), "device_id": str(uuid.uuid4()), "mac_address": mac}
            self.change(insert(ports).values({**row._mapping, **values, "is_own": is_own}))
        self.mend("port.stray")

    def test_volume_in_use_by_nobody(self) -> None:
        """It is free again."""
        self.change(
            update(volumes).values(is_local=False, server_id=None, status="in-use", reserved={})
        )
        self.assertIn("volume.unattached", self.whats())
        self.run_once("volume.unattached")
        self.assertNotIn("volume.unattached", self.whats())

    def test_quota(self) -> None:
        """What is held without a server is given back."""
        self.change(update(holdings).values(usage_max=holdings.c.usage_max + 5))
        self.assertEqual(set(self.whats()), {"quota.usage"})
        self.run_once("quota.usage")
        self.assertEqual(self.whats(), [])

    def test_a_cluster_that_is_away(self) -> None:
        """Nothing is said of its servers, and that it is away is told."""
        self.cluster.away = True
        found, _ = self.run_once(*WHOLE)
        self.assertEqual((found.drifts, list(found.away.values())), ((), ["away"]))

    def test_changed_while_asked(self) -> None:
        """What changes while the cluster answers is no difference."""
        gone = f"snf-{self.server_id}"
        kept = self.cluster.get

        async def slow(path: str, query: dict[str, str]) -> Any:
            if path == "/2/instances":
                this = update(servers).where(servers.c.id == self.server_id)
                self.change(this.values(updated_at=servers.c.updated_at + 1))
                self.cluster.held.instances.pop(gone, None)
            return await kept(path, query)

        async def getter(_cluster_id: str) -> Any:
            return slow

        now_us = int(self.cyclades.clock.seconds() * 1e6)
        run = Run(self.cyclades.cloud.database, getter, now_us)
        found, _ = self.successResultOf(Deferred.fromCoroutine(run.find(WHOLE)))
        self.assertEqual(found.drifts, ())
        self.assertIsNone(self.row().deleted_at)
