"""
A list as one text holds what the rows hold.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    insert,
    select,
)
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.store.database import open_engine
from synnefo_tx.store.one_text import OneText
from tests.live.postgresql import shared_server

things = Table(
    "things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("open", Boolean),
    Column("size", BigInteger),
    Column("extra", JSON),
)
NAMES = [f"{number:04}" for number in range(2000)]


class OneTextTests(SynchronousTestCase):
    """On SQLite."""

    def setUp(self) -> None:
        engine = open_engine(self.url())
        self.addCleanup(engine.dispose)
        self.connection: Connection = engine.connect()
        self.addCleanup(self.connection.close)
        things.metadata.create_all(self.connection)

    def url(self) -> str:
        """Of an empty database."""
        return f"sqlite:///{Path(self.mktemp()).absolute()}"

    def fill(self, *rows: tuple[str, bool | None, int | None, object]) -> None:
        names = [column.name for column in things.c]
        given = [dict(zip(names, row, strict=True)) for row in rows]
        self.connection.execute(insert(things), given)

    def test_nothing(self) -> None:
        """A table without rows is an empty list."""
        self.assertEqual(OneText(select(things)).rows(self.connection), [])

    def test_same_values(self) -> None:
        """Flags, large numbers, NULL, quotes and JSON come as they do in rows."""
        self.fill(
            ("a'\"\\\n", True, 2**62, {"key": ["ä\u2028", None, 1.5, True]}),
            ("b:%(x)s?", False, None, None),
            ("c", None, -1, {}),
        )
        wanted = select(things).order_by(things.c.size)
        expected = [dict(row) for row in self.connection.execute(wanted).mappings()]
        whole = OneText(wanted)
        for _ in range(2):
            found = whole.rows(self.connection)
            self.assertEqual(found, expected)
        self.assertEqual({type(row["open"]) for row in found}, {bool, type(None)})

    def test_order(self) -> None:
        """Rows that lie in the table in another order come in the statement's."""
        self.fill(*((name, True, -int(name), {}) for name in reversed(NAMES)))
        down = OneText(select(things).order_by(things.c.id.desc()))
        self.assertEqual([row["id"] for row in down.rows(self.connection)], NAMES[::-1])
        up = OneText(select(things).order_by(things.c.id))
        self.assertEqual([row["id"] for row in up.rows(self.connection)], NAMES)
        by_size = OneText(select(things).order_by(things.c.size))
        self.assertEqual([row["id"] for row in by_size.rows(self.connection)], NAMES[::-1])


class PostgresqlOneTextTests(OneTextTests):
    """On PostgreSQL."""

    def url(self) -> str:
        return shared_server().new_database()
