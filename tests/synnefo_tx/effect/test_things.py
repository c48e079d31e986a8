"""
Clusters come to hold things as the rows want them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.forms import NETWORK
from synnefo_tx.effect.rows import things
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.network.rows.tables import networks, subnets
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.update.messages import News
from tests.synnefo_tx.a_server import NOW_US, stand

THING = things.Thing(NETWORK, "n1")


class ThingsTests(SynchronousTestCase):
    """A network at a cluster."""

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.write(stand)
        self.jobs = 0

    def make_database(self) -> Database:
        """The empty database under test."""
        return immediate_database(Path(self.mktemp()).absolute())

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))

    def row(self) -> Any:
        return self.write(lambda c: c.execute(select(cluster_things)).first())

    def waiting(self) -> list[Any]:
        return list(self.write(lambda c: c.execute(select(effects).order_by(effects.c.serial))))

    def go(self, status: str = "success", result: Any = None) -> str:
        """The wish that waits is done by a job that ends so; which one it was."""
        (effect,) = self.waiting()
        self.jobs += 1
        self.write(ENDINGS.taken, effect, self.jobs, NOW_US)
        news = News(
            type="", event_time=(1, 0), status=status, effect=effect.id, result=result, job_id=1
        )
        self.write(ENDINGS.told, [news], {}, NOW_US)
        return f"{effect.method} {effect.path.removeprefix('/2/networks')}"

    def stands(self) -> None:
        self.write(things.ensure, THING, "c1", NOW_US)
        for _ in range(3):
            self.go()

    def test_made_where_it_is_needed(self) -> None:
        """Made and connected, once; who needs it next finds it."""
        self.write(things.ensure, THING, "c1", NOW_US)
        self.write(things.ensure, THING, "c1", NOW_US)
        self.assertEqual(self.row().state, "PENDING")
        done = [self.go() for _ in range(3)]
        self.assertEqual(done, ["POST ", "PUT /snf-net-n1/options", "PUT /snf-net-n1/connect"])
        row = self.row()
        self.assertEqual((row.state, row.applied_revision, row.task_id), ("ACTIVE", 1, None))
        self.write(things.ensure, THING, "c1", NOW_US)
        self.assertEqual(self.waiting(), [])

    def test_every_node_group(self) -> None:
        """It is connected to all that the cluster is known to have."""
        self.write(lambda c: c.execute(update(clusters).values(node_groups=["a", "b"])))
        self.write(things.ensure, THING, "c1", NOW_US)
        self.go()
        self.go()
        groups = []
        for _ in range(2):
            groups.append(self.waiting()[0].body["group_name"])
            self.go()
        self.assertEqual((groups, self.row().state), (["a", "b"], "ACTIVE"))

    def test_changes_while_under_way(self) -> None:
        """Of several changes at once the last is brought about, in one more task."""
        self.write(things.ensure, THING, "c1", NOW_US)
        self.assertFalse(self.write(things.want, THING, NOW_US))
        self.assertFalse(self.write(things.want, THING, NOW_US))
        for _ in range(3):
            self.go()
        self.assertEqual((self.row().wanted_revision, self.row().applied_revision), (3, 1))
        exists = ["OpPrereqError", ["'x' already exists", "already_exists"]]
        self.go("error", exists)
        self.go()
        self.go()
        row = self.row()
        self.assertEqual((row.state, row.applied_revision, self.waiting()), ("ACTIVE", 3, []))

    def test_change_where_it_stands(self) -> None:
        """A change reaches the clusters that have it, and no others."""
        self.assertFalse(self.write(things.want, THING, NOW_US))
        self.stands()
        self.assertTrue(self.write(things.want, THING, NOW_US))
        self.assertEqual(len(self.waiting()), 1)

    def test_failure(self) -> None:
        """It is told why, and who needs it next has it tried again."""
        self.write(things.ensure, THING, "c1", NOW_US)
        self.go("error", ["OpExecError", ["no bridge"]])
        self.assertEqual((self.row().state, self.row().message), ("ERROR", "no bridge"))
        self.write(things.ensure, THING, "c1", NOW_US)
        self.assertEqual((self.row().state, len(self.waiting())), ("PENDING", 1))

    def test_gone(self) -> None:
        """Taken away from every cluster that has it; what is not there is gone as well."""
        self.stands()
        self.forget_network()
        self.assertTrue(self.write(things.leave, THING, NOW_US))
        absent = ["OpPrereqError", ["not found", "unknown_entity"]]
        first = self.go("error", absent)
        self.assertEqual([first, self.go()], ["PUT /snf-net-n1/disconnect", "DELETE /snf-net-n1"])
        self.assertIsNone(self.row())

    def test_gone_while_it_comes(self) -> None:
        """What is no more before it stands is taken away after it has come."""
        self.write(things.ensure, THING, "c1", NOW_US)
        self.forget_network()
        self.assertFalse(self.write(things.leave, THING, NOW_US))
        done = [self.go() for _ in range(5)]
        self.assertEqual(done[3:], ["PUT /snf-net-n1/disconnect", "DELETE /snf-net-n1"])
        self.assertIsNone(self.row())

    def forget_network(self) -> None:
        for table in (subnets, networks):
            self.write(lambda c, t=table: c.execute(delete(t)))
