"""
The database refuses to change the audit log, and lets old lines go only with a line that tells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.append_only import REFUSED
from synnefo_tx.audit.rows.log import append
from synnefo_tx.audit.rows.retention import DAY_US, LEAST_KEPT_US, TooYoung, expire
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import hasty, immediate_database
from tests.synnefo_tx.migrated import migrated_in_server, migrated_url

NOW = 400 * DAY_US
_COLUMNS = "id, at_us, action, outcome, user_id, project_id, target_kind, target_id, address"
FORGERIES = (
    "UPDATE audit_log SET user_id = 'another'",
    "DELETE FROM audit_log",
    "UPDATE audit_retention SET before_us = 9000000000000000000",
    "DELETE FROM audit_retention",
)


class AppendOnlyTests(SynchronousTestCase):
    """Tables made by the migrations, on SQLite."""

    replacing = (
        f"INSERT OR REPLACE INTO audit_log SELECT {_COLUMNS}, 'req-forged', details FROM audit_log",
        "INSERT OR REPLACE INTO audit_retention SELECT * FROM audit_retention",
    )

    def make_engine(self) -> Engine:
        return hasty(open_engine(migrated_url(self)))

    def setUp(self) -> None:
        self.engine = self.make_engine()
        self.addCleanup(self.engine.dispose)
        for day in (1, 200, 399):
            self.unit(append, Entry("identity:create_user", "user", f"u{day}"), day * DAY_US)

    def unit(self, work: Any, *args: Any) -> Any:
        with self.engine.execution_options(synnefo_write=True).begin() as connection:
            return work(connection, *args)

    def logged(self) -> list[tuple[str, str, str]]:
        def read(connection: Connection) -> list[Any]:
            wanted = select(audit_log.c.action, audit_log.c.target_id, audit_log.c.user_id)
            return [tuple(row) for row in connection.execute(wanted.order_by(audit_log.c.id))]

        return self.unit(read)  # type: ignore[no-any-return]

    def test_nothing_is_changed_or_removed(self) -> None:
        """Whatever the statement, the rows are what they were, and the database says why."""
        self.unit(expire, 2 * DAY_US, "u-root", NOW)
        before = self.logged()
        for statement in (*FORGERIES, *self.replacing):
            error = self.assertRaises(
                DBAPIError, self.unit, lambda c, text=statement: c.exec_driver_sql(text)
            )
            self.assertIn(REFUSED, str(error), statement)
            self.assertEqual(self.logged(), before)

    def test_old_lines_go_and_a_line_tells_it(self) -> None:
        """The database itself writes that line."""
        self.assertEqual(self.unit(expire, 300 * DAY_US, "u-root", NOW), 2)
        self.assertEqual(
            self.logged(),
            [
                ("identity:create_user", "u399", ""),
                ("audit:expire", str(300 * DAY_US), "u-root"),
            ],
        )

    def test_young_lines_stay(self) -> None:
        """A retention can't be shorter than the least."""
        self.assertRaises(TooYoung, self.unit, expire, NOW - LEAST_KEPT_US + 1, "u-root", NOW)
        self.assertEqual(len(self.logged()), 3)


class DeclaredTablesTests(AppendOnlyTests):
    """Tables made from their declaration, as tests do."""

    def make_engine(self) -> Engine:
        return immediate_database(Path(self.mktemp()).absolute()).engine


class PostgresqlAppendOnlyTests(AppendOnlyTests):
    """Tables made by the migrations, on PostgreSQL."""

    replacing = ("TRUNCATE audit_log", "TRUNCATE audit_retention")

    def make_engine(self) -> Engine:
        return open_engine(migrated_in_server())
