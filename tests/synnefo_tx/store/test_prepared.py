"""
Selects past SQLAlchemy's own execution give what it gives.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    select,
)
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.store.database import open_engine
from synnefo_tx.store.prepared import Prepared
from tests.live.postgresql import shared_server

things = Table(
    "things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("open", Boolean, nullable=False),
    Column("size", Integer),
    Column("extra", JSON),
)
ROWS = [
    {"id": "a", "open": True, "size": 1, "extra": {"key": ["ä", None]}},
    {"id": "b", "open": False, "size": None, "extra": None},
    {"id": "c", "open": True, "size": 3, "extra": {}},
]
ALL = select(things).where(things.c.id != bindparam("but")).order_by(things.c.id)


class PreparedTests(SynchronousTestCase):
    """On SQLite."""

    def setUp(self) -> None:
        engine = open_engine(self.url())
        self.addCleanup(engine.dispose)
        connection = engine.connect()
        self.addCleanup(connection.close)
        things.metadata.create_all(connection)
        connection.execute(insert(things), ROWS)
        self.connection: Connection = connection

    def url(self) -> str:
        """Of an empty database."""
        return f"sqlite:///{Path(self.mktemp()).absolute()}"

    def test_same_values(self) -> None:
        """Flags, numbers, NULL and JSON are what they are otherwise, in the same order."""
        expected = [list(row) for row in self.connection.execute(ALL, {"but": "b"})]
        wanted = Prepared(ALL)
        for _ in range(2):
            self.assertEqual(wanted.rows(self.connection, {"but": "b"}), expected)
        self.assertEqual([type(row[1]) for row in expected], [bool, bool])

    def test_parameters_in_any_order(self) -> None:
        """A parameter that stands twice, beside one that the statement brings along."""
        told = things.c.id == bindparam("id")
        wanted = Prepared(select(things.c.id).where(told, things.c.size < 3, told))
        self.assertEqual(wanted.rows(self.connection, {"id": "a"}), [["a"]])
        self.assertEqual(wanted.rows(self.connection, {"id": "c"}), [])

    def test_first(self) -> None:
        """The first row; None where there is none, as for a parameter that is None."""
        self.assertEqual(
            Prepared(ALL).first(self.connection, {"but": ""}), ["a", True, 1, ROWS[0]["extra"]]
        )
        self.assertIsNone(Prepared(ALL).first(self.connection, {"but": None}))


class PostgresqlPreparedTests(PreparedTests):
    """On PostgreSQL."""

    def url(self) -> str:
        return shared_server().new_database()
