"""
A copy that got every shipment is the original, whatever was done and however it was cut up.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.replication.recording import RecordingConnection, Ticket
from ganetid.replication.records import (
    Gap,
    Position,
    Record,
    Shipment,
    apply,
    decode,
    encode,
    position_of,
)

KEYS = st.integers(0, 5)
VALUES = st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=4), st.binary(max_size=4))
CHANGES = st.lists(
    st.tuples(st.sampled_from(("put", "many", "drop", "refused", "undone")), KEYS, VALUES),
    max_size=5,
)
TRANSACTIONS = st.lists(st.tuples(CHANGES, st.booleans()), max_size=8)
PUT = "INSERT OR REPLACE INTO things VALUES (?, ?)"


class Original:
    """A database whose commits are kept as shipments."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.connection = RecordingConnection(":memory:", isolation_level=None)
        self.connection.execute("CREATE TABLE things (key INTEGER PRIMARY KEY, value)")
        self.reign = self.connection.begin_shipping(self.ship)

    def ship(self, record: Record, ticket: Ticket) -> None:
        self.records.append(record)
        ticket.landed.set()

    def transact(self, changes: list[tuple[str, int, Any]], commits: bool) -> None:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        for kind, key, value in changes:
            connection.execute("SAVEPOINT task")
            if kind == "put":
                connection.execute(PUT, (key, value))
            elif kind == "many":
                connection.executemany(PUT, ((key + more, value) for more in range(3)))
            elif kind == "drop":
                connection.execute("DELETE FROM things WHERE key = ?", (key,))
            elif kind == "undone":
                connection.execute(PUT, (key, "undone"))
                connection.execute("ROLLBACK TO task")
            else:
                try:
                    connection.execute("INSERT INTO things VALUES (?, ?)", (key, value))
                except sqlite3.IntegrityError:
                    connection.execute("ROLLBACK TO task")
            connection.execute("RELEASE task")
        connection.execute("COMMIT" if commits else "ROLLBACK")


def copy_at_start(original: Original) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    original.connection.backup(copy)
    return copy


def content(connection: sqlite3.Connection) -> list[Any]:
    return sqlite3.Connection.execute(connection, "SELECT * FROM things ORDER BY key").fetchall()


class RecordTests(SynchronousTestCase):
    """Recorded by one connection, applied to another."""

    @settings(max_examples=150)
    @given(TRANSACTIONS, st.lists(st.integers(1, 4), min_size=1))
    def test_the_copy_is_the_same(self, transactions: Any, cuts: list[int]) -> None:
        """Shipments overlap as they do when an answer was lost."""
        original = Original()
        copy = copy_at_start(original)
        for changes, commits in transactions:
            original.transact(changes, commits)
        start, turn = 0, 0
        while start < len(original.records):
            end = start + cuts[turn % len(cuts)]
            turn += 1
            shipment = Shipment(original.reign, tuple(original.records[max(0, start - 1) : end]))
            apply(copy, decode(encode(shipment)))
            start = end
        self.assertEqual(content(copy), content(original.connection))
        self.assertEqual(position_of(copy), Position(original.reign, len(original.records)))

    def test_gap(self) -> None:
        """A record that does not follow, and one of another reign, change nothing."""
        original = Original()
        copy = copy_at_start(original)
        for value in range(3):
            original.transact([("put", 1, value)], True)
        last = original.records[2:]
        self.assertRaises(Gap, apply, copy, Shipment(original.reign, tuple(last)))
        self.assertRaises(Gap, apply, copy, Shipment("another", tuple(original.records)))
        self.assertEqual(content(copy), [])

    def test_nothing_is_shipped_of_nothing(self) -> None:
        """A transaction that changed nothing costs no shipment."""
        original = Original()
        original.transact([], True)
        original.transact([("undone", 1, 1)], True)
        self.assertEqual(original.records, [])
