"""
Reading the feed in an order in which nothing is ever written before what was read.

PostgreSQL gives out serials before commits, so a row may appear behind one that was read already.
What transactions older than all that run wrote is complete: only that is read, in the order of the
transactions.  Source: PostgreSQL's manual, pg_snapshot_xmin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    func,
    literal_column,
    select,
    tuple_,
)

from synnefo_tx.events.place import LAST, Place
from synnefo_tx.events.rows.tables import feed

KEPT_S = 24 * 3600  # so long events can be asked for again
FORGOTTEN_AT_ONCE = 10_000


def horizon(connection: Connection, now_s: int) -> Place:
    """
    How far the feed is complete.
    """
    if connection.dialect.name == "postgresql":
        oldest: ColumnElement[int] = literal_column(
            "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        return Place(int(connection.execute(select(oldest)).scalar_one()) - 1, LAST, now_s)
    newest = connection.execute(select(func.max(feed.c.serial))).scalar()
    return Place(0, newest or 0, now_s)


def projects_between(
    connection: Connection, place: Place, now_s: int
) -> tuple[frozenset[str], Place]:
    """
    Whose feeds have gone on since `place`, and how far they are complete now.
    """
    until = horizon(connection, now_s)
    found = select(feed.c.project_id).where(_between(place, until)).distinct()
    return frozenset(connection.execute(found).scalars()), until


def after(
    connection: Connection, project_id: str, place: Place, limit: int, now_s: int
) -> Sequence[Row[Any]]:
    """
    The project's next events: at most `limit`, in their order.
    """
    return connection.execute(
        select(feed)
        .where(feed.c.project_id == project_id, _between(place, horizon(connection, now_s)))
        .order_by(feed.c.tx, feed.c.serial)
        .limit(limit)
    ).all()


def forget_old(connection: Connection, now_s: int) -> None:
    """
    Some of what is too old to be asked for again goes.
    """
    before_us = (now_s - KEPT_S) * 1_000_000
    old = select(feed.c.serial).where(feed.c.at < before_us).limit(FORGOTTEN_AT_ONCE)
    connection.execute(delete(feed).where(feed.c.serial.in_(old)))


def _between(place: Place, until: Place) -> ColumnElement[bool]:
    where = tuple_(feed.c.tx, feed.c.serial)
    return (where > (place.tx, place.serial)) & (where <= (until.tx, until.serial))
