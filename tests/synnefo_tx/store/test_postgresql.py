"""
The same promises on PostgreSQL: schema, units of work, effect path, update path, quota.
"""

from __future__ import annotations

from threading import Thread

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import holdings
from synnefo_tx.quota.rows.resources import ensure
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.store.schema import is_current, metadata, upgrade
from tests.live.postgresql import shared_server
from tests.synnefo_tx.effect import test_perform
from tests.synnefo_tx.store import test_schema
from tests.synnefo_tx.update import test_facts


class PostgresqlFactsTests(test_facts.FactsTests):
    """News into the rows."""

    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())


class PostgresqlPerformerTests(test_perform.PerformerTests):
    """Wishes become jobs."""

    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())


class PostgresqlSchemaTests(SynchronousTestCase):
    """Migrations, and quota under real concurrency."""

    def setUp(self) -> None:
        self.engine = open_engine(shared_server().new_database())
        self.addCleanup(self.engine.dispose)

    def test_migrations_are_complete(self) -> None:
        """The migrated schema is the declared one."""
        upgrade(self.engine)
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            self.assertEqual(compare_metadata(context, metadata), [])
        self.assertTrue(is_current(self.engine))

    def test_several_at_once(self) -> None:
        """Processes that start together upgrade once."""
        test_schema.upgrade_at_once(self, self.engine)

    def test_only_one_gets_the_last(self) -> None:
        """Many takers at once get exactly as much as there is."""
        upgrade(self.engine)
        limit = 20
        with self.engine.begin() as connection:
            ensure(connection)
        got: list[bool] = []

        def take() -> None:
            try:
                with self.engine.begin() as connection:
                    holdings.take(connection, Payer("u", "p"), {VM: 1})
            except Exceeded:
                got.append(False)
            else:
                got.append(True)

        threads = [Thread(target=take) for _ in range(limit + 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self.engine.connect() as connection:
            used = holdings.held(connection, "p")[VM].used
        self.assertEqual((got.count(True), got.count(False), used), (limit, 5, limit))
