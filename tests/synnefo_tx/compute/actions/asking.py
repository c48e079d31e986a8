"""
A server, and what it is asked to do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.effect.rows import outbox
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.update.messages import News
from synnefo_tx.update.rows.batch import take_in
from tests.synnefo_tx.compute.cloud import ALICE, Answer, Cloud


class ActionCase(SynchronousTestCase):
    """
    ALICE's server, which runs.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.server = self.cloud.active()

    def act(
        self, name: str, value: Any = None, user: str = ALICE, version: str | None = None
    ) -> Answer:
        """The answer to an action."""
        path = f"/servers/{self.server}/action"
        return self.cloud.nova("POST", path, {name: value}, user, version)

    def accepted(self, name: str, value: Any = None, **more: Any) -> None:
        """It is done, or begun."""
        answer = self.act(name, value, **more)
        self.assertEqual((answer.status, answer.body), (202, b""))

    def conflict(self, text: str, name: str, value: Any = None, **more: Any) -> None:
        """It is refused in these words because of the server's state."""
        answer = self.act(name, value, **more)
        refused = {"conflictingRequest": {"code": 409, "message": text}}
        self.assertEqual((answer.status, answer.json), (409, refused))

    def wish(self) -> Any:
        """The wish about the server that waits to be sent; there is one."""
        (wish,) = self.cloud.wishes(self.server)
        return wish

    def settle(self) -> None:
        """What was asked of the cluster until now was sent to it."""
        with self.cloud.database.engine.begin() as connection:
            for wish in self.cloud.wishes(self.server):
                outbox.forget(connection, wish.id)

    def goes(self, *operations: str) -> list[str]:
        """The steps' opcodes succeed one after the other; the path of each step's call."""
        return [self._told(operation, "success") for operation in operations]

    def fails(self, operation: str, why: str = "no room") -> str:
        """The step under way fails; its path."""
        return self._told(operation, "error", ["OpExecError", [why]])

    def _told(self, operation: str, status: str, result: Any = None) -> str:
        wish = self.wish()
        with self.cloud.database.engine.begin() as connection:
            self.tell(connection, wish, operation, status, result)
        _, _, path = wish.path.partition(f"snf-{self.server}")
        return str(path or (wish.path if wish.method == "POST" else ""))

    def tell(
        self, connection: Connection, wish: Any, operation: str, status: str, result: Any = None
    ) -> None:
        """The cluster has taken the wish, and its job is over."""
        self.cloud.now += 1
        news = News(
            type="ganeti-op-status",
            event_time=(int(self.cloud.now), 0),
            operation=operation,
            status=status,
            result=result,
            cluster="one",
            job_id=7,
            effect=wish.id,
            instance=f"snf-{self.server}",
        )
        now_us = int(self.cloud.now * 1e6)
        ENDINGS.taken(connection, wish, 7, now_us)
        take_in(connection, [news], now_us)

    def status(self) -> tuple[str, str | None]:
        """Its status, and what it is at."""
        shown = self.shown()
        return shown["status"], shown["OS-EXT-STS:task_state"]

    def shown(self, user: str = ALICE, version: str | None = "2.73") -> Any:
        """The server as its user sees it."""
        return self.cloud.nova("GET", f"/servers/{self.server}", None, user, version).json["server"]

    def logged(self) -> list[tuple[str, str, str]]:
        """The audit log: action, user and target."""
        columns = (audit_log.c.action, audit_log.c.user_id, audit_log.c.target_id)
        with self.cloud.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]
