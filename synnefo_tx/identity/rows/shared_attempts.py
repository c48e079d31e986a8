"""
Units of work on wrong log-ins that all workers count together.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.rows.attempt_tables import wrong_log_ins
from synnefo_tx.identity.throttle import FORGET_S, Change, Told

_c = wrong_log_ins.c


def tell(connection: Connection, changes: Mapping[str, Change], since: float) -> list[Told]:
    """
    Count these, and learn what changed after `since`, seconds since the epoch.
    """
    for mark in sorted(changes):  # all in one order, so that none waits for another in a circle
        _count(connection, mark, changes[mark])
    return recent(connection, since)


def recent(connection: Connection, since: float) -> list[Told]:
    """
    What changed after `since`.
    """
    wanted = select(wrong_log_ins).where(_c.at_ms >= int(since * 1000))
    return [Told(row.mark, row.failures, row.at_ms / 1000) for row in connection.execute(wanted)]


def _count(connection: Connection, mark: str, change: Change) -> None:
    at_ms = int(change.at * 1000)
    fresh = (
        0 if change.cleared else case((_c.at_ms < at_ms - FORGET_S * 1000, 0), else_=_c.failures)
    )
    later = case((_c.at_ms > at_ms, _c.at_ms), else_=at_ms)
    step = (
        update(wrong_log_ins)
        .where(_c.mark == mark)
        .values(failures=fresh + change.added, at_ms=later)
    )
    if connection.execute(step).rowcount:
        return
    row = {"mark": mark, "failures": change.added, "at_ms": at_ms}
    try:
        with connection.begin_nested():
            connection.execute(insert(wrong_log_ins).values(row))
    except IntegrityError:  # another worker was the first
        connection.execute(step)
