"""
What is shipped: the statements of one committed transaction, in order, with their parameters.

Statements are deterministic here: whatever is chosen (ids, times, random names) is a parameter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import frozen

POSITION = """
CREATE TABLE IF NOT EXISTS replica_position (one INTEGER PRIMARY KEY, reign TEXT, number INTEGER)
"""
MOVE = "INSERT OR REPLACE INTO replica_position VALUES (1, ?, ?)"


@frozen
class Statement:
    """SQL, and the parameters of each time that it was executed."""

    sql: str
    rows: tuple[tuple[Any, ...], ...]


@frozen
class Record:
    """
    One commit.  number: counts the commits of a reign from 1.

    The last statement moves the position to this number, so that data and position never part.
    """

    number: int
    statements: tuple[Statement, ...]


@frozen
class Shipment:
    """Records of one reign, ascending without a gap.  reign: names one life of a master."""

    reign: str
    records: tuple[Record, ...]


@frozen
class Position:
    """How far a database is.  reign empty: it never got anything."""

    reign: str = ""
    number: int = 0


class Gap(Exception):
    """Records that do not follow what is there; a whole copy is needed."""


def position_of(connection: sqlite3.Connection) -> Position:
    """Where the database stands."""
    connection.execute(POSITION)
    row = connection.execute("SELECT reign, number FROM replica_position").fetchone()
    return Position() if row is None else Position(str(row[0]), int(row[1]))


def apply(connection: sqlite3.Connection, shipment: Shipment) -> Position:
    """Do what is new in a shipment, in one transaction.  Raises Gap."""
    at = position_of(connection)
    new = [record for record in shipment.records if record.number > at.number]
    if at.reign != shipment.reign:
        raise Gap(f"at {at.reign or 'nothing'}, not {shipment.reign}")
    if new and new[0].number != at.number + 1:
        raise Gap(f"at {at.number}, and {new[0].number} is next")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for record in new:
            _perform(connection, record.statements)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return Position(shipment.reign, new[-1].number if new else at.number)


def encode(shipment: Shipment) -> bytes:
    """As it is sent."""
    return msgspec.msgpack.encode(shipment)


def decode(body: bytes) -> Shipment:
    """As it was.  Raises msgspec.ValidationError, msgspec.DecodeError."""
    return msgspec.msgpack.decode(body, type=Shipment)


def _perform(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    for statement in statements:
        if len(statement.rows) == 1:
            connection.execute(statement.sql, statement.rows[0])
        else:
            connection.executemany(statement.sql, statement.rows)
