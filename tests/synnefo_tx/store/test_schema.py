"""
The migrations reach the schema that the tables declare.
"""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rows.effective import roles_on_project
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.schema import _config, is_current, metadata, upgrade


def upgrade_at_once(case: SynchronousTestCase, engine: Engine) -> None:
    """Several threads upgrade the same database; none fails."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            upgrade(engine)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
            failures.append(error)

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    case.assertEqual(failures, [])
    case.assertTrue(is_current(engine))


class UpgradeTests(SynchronousTestCase):
    """An empty database becomes this release's."""

    def setUp(self) -> None:
        self.engine = open_engine(f"sqlite:///{Path(self.mktemp()).absolute()}")
        self.addCleanup(self.engine.dispose)

    def test_migrations_are_complete(self) -> None:
        """No table, column or index is missing or too many."""
        self.assertFalse(is_current(self.engine))
        upgrade(self.engine)
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            self.assertEqual(compare_metadata(context, metadata), [])
        self.assertTrue(is_current(self.engine))

    def test_several_at_once(self) -> None:
        """Processes that start together upgrade once."""
        upgrade_at_once(self, self.engine)

    def test_what_clusters_hold_stays(self) -> None:
        """Networks that stood at a cluster stand there; those that came are asked for anew."""
        with self.engine.execution_options(synnefo_write=True).begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0013")
            cluster = "('c', 'one', 'https://c:5080', 'u', 'p', NULL, false)"
            connection.exec_driver_sql(f"INSERT INTO clusters VALUES {cluster}")
            for name in ("up", "coming"):
                network = f"('{name}', 'net', 'p', false, 1500, 'br0', 0, 0)"
                connection.exec_driver_sql(f"INSERT INTO networks VALUES {network}")
            for row in ("('up', 'c', 'ACTIVE', 7, 1)", "('coming', 'c', 'PENDING', NULL, 0)"):
                connection.exec_driver_sql(f"INSERT INTO cluster_networks VALUES {row}")
            connection.exec_driver_sql(
                "INSERT INTO effects (id, serial, cluster_id, kind, target, method, path, query, "
                "attempts, next_try_at, created_at) VALUES "
                "('e', 1, 'c', 'network.create', 'coming', 'POST', '/2/networks', '{}', 0, 0, 0), "
                "('f', 2, 'c', 'server.delete', 'v', 'DELETE', '/2/instances/v', '{}', 0, 0, 0)"
            )
        upgrade(self.engine)
        with self.engine.connect() as connection:
            held = connection.exec_driver_sql(
                "SELECT kind, thing_id, cluster_id, state, wanted_revision, applied_revision "
                "FROM cluster_things ORDER BY thing_id"
            ).all()
            waiting = connection.exec_driver_sql("SELECT id FROM effects").scalars().all()
        self.assertEqual(
            [tuple(row) for row in held],
            [("network", "coming", "c", "ERROR", 1, 0), ("network", "up", "c", "ACTIVE", 1, 1)],
        )
        self.assertEqual(waiting, ["f"])

    def test_what_was_there_stays(self) -> None:
        """Accounts and role assignments of the first schema are those of today's."""
        with self.engine.execution_options(synnefo_write=True).begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            for row in (
                "INSERT INTO domains (id, name, enabled) VALUES ('d', 'Default', true)",
                "INSERT INTO projects VALUES ('p', 'one', 'd', '', true)",
                "INSERT INTO users VALUES ('u', 'ann', 'd', 'hash', true, 'p')",
                "INSERT INTO roles VALUES ('r', 'member')",
                "INSERT INTO assignments VALUES ('u', 'p', 'r')",
            ):
                connection.exec_driver_sql(row)
        upgrade(self.engine)
        with self.engine.connect() as connection:
            self.assertEqual(
                [role.name for role in roles_on_project(connection, "u", "p")], ["member"]
            )
            self.assertEqual(connection.exec_driver_sql("PRAGMA foreign_keys").scalar(), 1)
