"""
News taken into the rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.daemon.bus.interface import Delivery, PoisonMessage
from synnefo_tx.effect.rows.tasks_tables import tasks
from synnefo_tx.events.rows.tables import feed
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.update.listener import UpdateListener
from synnefo_tx.volume.rows.tables import volumes
from tests.synnefo_tx.a_server import NOW_US, RESERVED, begin_server, server_row, stand, used


def message(operation: str, status: str, at_s: int, **more: Any) -> Delivery:
    """A message about server v1 at second `at_s`."""
    body = {
        "type": "ganeti-op-status",
        "event_time": [at_s, 0],
        "operation": operation,
        "status": status,
        "cluster": "cluster",
        "jobId": at_s,
        "instance": "snf-v1",
        **more,
    }
    return Delivery("ganeti.snf.event.op", json.dumps(body).encode())


class FactsTests(SynchronousTestCase):
    """From deliveries to rows."""

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.write(stand)
        self.write(begin_server)
        self.write(lambda c: c.execute(update(tasks).values(job_id=2)))
        self.listener = UpdateListener(self.database, None, lambda: NOW_US / 1e6)

    def make_database(self) -> Database:
        """The empty database under test."""
        return immediate_database(Path(self.mktemp()).absolute())

    def write(self, unit: Any, *arguments: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *arguments)))

    def take(self, *batch: Delivery) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.listener.take(batch)))

    def test_a_whole_life(self) -> None:
        """Built, stopped, and gone with everything it held."""
        self.take(
            message("OP_INSTANCE_CREATE", "running", 1),
            message("OP_INSTANCE_CREATE", "success", 2),
        )
        row = self.write(server_row)
        self.assertEqual(
            (row.vm_state, row.task_state, row.host, row.launched_at, self.write(used)),
            ("active", None, "cluster", 2_000_000, RESERVED),
        )
        self.take(message("OP_INSTANCE_SHUTDOWN", "success", 3))
        self.assertEqual(self.write(server_row).vm_state, "stopped")
        self.take(message("OP_INSTANCE_REMOVE", "success", 4))
        row = self.write(server_row)
        self.assertEqual((row.vm_state, self.write(used)), ("deleted", {}))
        for table in (ports, volumes):
            left = self.write(
                lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar()
            )
            self.assertEqual(left, 0, table.name)

    def test_failed_create_returns_the_quota_once(self) -> None:
        """The user sees the reason; deleting the failed server returns nothing more."""
        failed = message("OP_INSTANCE_CREATE", "error", 2, result=["OpExecError", ["no space"]])
        self.take(failed)
        self.take(failed)
        row = self.write(server_row)
        self.assertEqual(
            (row.vm_state, row.fault["message"], self.write(used)), ("error", "no space", {})
        )
        gone = ["OpPrereqError", ["not known", "unknown_entity"]]
        self.take(message("OP_INSTANCE_REMOVE", "error", 3, result=gone))
        self.assertEqual((self.write(server_row).vm_state, self.write(used)), ("deleted", {}))

    def test_a_life_in_one_batch(self) -> None:
        """Stopped and started again in one batch: charged for what runs, once."""
        self.take(message("OP_INSTANCE_CREATE", "success", 2))
        self.take(
            message("OP_INSTANCE_SHUTDOWN", "success", 3),
            message("OP_INSTANCE_STARTUP", "success", 4),
        )
        self.assertEqual(self.write(used), RESERVED)
        self.take(
            message("OP_INSTANCE_SHUTDOWN", "success", 5),
            message("OP_INSTANCE_REMOVE", "success", 6),
            message("OP_INSTANCE_STARTUP", "success", 7),
        )
        self.assertEqual((self.write(server_row).vm_state, self.write(used)), ("deleted", {}))

    def test_one_look_at_all(self) -> None:
        """The servers of a batch are read in one statement, and those that change alike written."""
        self.write(begin_server, "v2", 3)
        self.take(message("OP_INSTANCE_CREATE", "success", 2, pnode="node1"))
        self.take(message("OP_INSTANCE_CREATE", "success", 2, instance="snf-v2"))
        said: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement.split()[0] + (" servers" if "servers" in statement else ""))

        event.listen(self.database.engine, "before_cursor_execute", note)
        batch = [
            message("OP_INSTANCE_REBOOT", status, at, instance=instance, pnode="node2")
            for at, status in ((3, "waiting"), (4, "running"), (5, "success"))
            for instance in ("snf-v1", "snf-v2")
        ]
        self.take(*batch)
        event.remove(self.database.engine, "before_cursor_execute", note)
        self.assertEqual(said.count("SELECT servers"), 1)
        self.assertEqual(said.count("UPDATE servers"), 1)
        self.assertEqual(self.write(server_row).node, "node2")

    def test_followers_are_told(self) -> None:
        """What a user sees of a server is told once a batch; what changes nothing is not."""
        self.take(
            message("OP_INSTANCE_CREATE", "running", 1),
            message("OP_INSTANCE_CREATE", "success", 2),
        )
        self.take(message("OP_INSTANCE_CREATE", "success", 2))
        self.take(message("OP_INSTANCE_REMOVE", "success", 3))
        rows = self.write(lambda c: list(c.execute(select(feed).order_by(feed.c.serial))))
        self.assertEqual(
            [(row.project_id, row.kind, row.thing_id, row.event) for row in rows],
            [("p1", "server", "v1", "changed"), ("p1", "server", "v1", "deleted")],
        )
        self.assertEqual(rows[0].body["status"], "ACTIVE")

    def test_progress(self) -> None:
        """How far the image has come, in percent, while the server is built."""
        copied = {"type": "image-copy-progress", "progress": 41.7}
        self.take(message("", "", 1, **copied))
        self.assertEqual(self.write(server_row).progress, 41)
        self.take(message("OP_INSTANCE_CREATE", "success", 2))
        self.take(message("", "", 3, **copied | {"progress": 50.0}))
        self.assertEqual(self.write(server_row).progress, 41)

    def test_failed_task_leaves_a_later_one(self) -> None:
        """A create that fails while the server is being deleted does not end the deletion."""
        self.write(lambda c: c.execute(update(servers).values(task_state="deleting")))
        self.take(message("OP_INSTANCE_CREATE", "error", 2, result=["OpExecError", ["no"]]))
        self.assertEqual(self.write(server_row).task_state, "deleting")

    def test_nobody_asked(self) -> None:
        """A job that is no task's changes what is known, and ends nothing."""
        self.take(message("OP_INSTANCE_CREATE", "success", 2))
        self.write(lambda c: c.execute(update(servers).values(task_state="powering-on")))
        self.take(message("OP_INSTANCE_SHUTDOWN", "success", 3))
        row = self.write(server_row)
        self.assertEqual((row.vm_state, row.task_state), ("stopped", "powering-on"))

    def test_late_old_news_is_ignored(self) -> None:
        """News that was overtaken does not bring back what was."""
        self.take(message("OP_INSTANCE_SHUTDOWN", "success", 5))
        self.take(message("OP_INSTANCE_CREATE", "success", 4))
        self.assertEqual(self.write(server_row).vm_state, "stopped")

    def test_strangers_are_ignored(self) -> None:
        """Instances and networks that are not ours change nothing and raise nothing."""
        self.take(
            message("OP_INSTANCE_CREATE", "success", 9, instance="other"),
            message("OP_INSTANCE_CREATE", "success", 9, instance="snf-unknown"),
            message("OP_NETWORK_CONNECT", "success", 9, type="ganeti-network-status", network="x"),
            message("", "", 9, type="image-copy-progress"),
        )
        self.assertEqual(self.write(server_row).vm_state, "building")

    def test_unreadable_is_poison(self) -> None:
        """What can't be read is refused, and nothing of its batch is taken in."""
        good = message("OP_INSTANCE_CREATE", "success", 2)
        batch = [good, Delivery("ganeti.snf.event.op", b"{")]
        self.failureResultOf(Deferred.fromCoroutine(self.listener.take(batch)), PoisonMessage)
        self.assertEqual(self.write(server_row).vm_state, "building")
