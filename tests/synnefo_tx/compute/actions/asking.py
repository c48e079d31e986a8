"""
A server, and what it is asked to do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
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

    def shown(self, user: str = ALICE, version: str | None = "2.73") -> Any:
        """The server as its user sees it."""
        return self.cloud.nova("GET", f"/servers/{self.server}", None, user, version).json["server"]

    def logged(self) -> list[tuple[str, str, str]]:
        """The audit log: action, user and target."""
        columns = (audit_log.c.action, audit_log.c.user_id, audit_log.c.target_id)
        with self.cloud.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]
