"""
Lines of the audit log, newest first, a page at a time.
"""

from __future__ import annotations

from typing import Any

from attrs import asdict, frozen
from sqlalchemy import Connection, Row, Select, select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.errors import NotFound
from synnefo_tx.store.keyset import SortKey, after, ordered

_ORDER = (SortKey(audit_log.c.at_us, descending=True), SortKey(audit_log.c.id, descending=True))


@frozen
class Alike:
    """
    Columns that lines must have so.  None: any.
    """

    user_id: str | None = None
    project_id: str | None = None
    action: str | None = None
    outcome: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    address: str | None = None
    request_id: str | None = None


@frozen
class Wanted:
    """
    Which lines: since_us <= at < until_us, microseconds; those after `marker`, the id of a line.
    """

    alike: Alike = Alike()
    since_us: int | None = None
    until_us: int | None = None
    marker: int | None = None
    limit: int = 1000


class NoSuchLine(NotFound):
    """
    A page after a line that isn't there.
    """

    def __init__(self, marker: object) -> None:
        super().__init__(f"Marker {marker} could not be found.")


def lines(connection: Connection, wanted: Wanted) -> tuple[list[Row[Any]], bool]:
    """
    The page, and whether more follow.  Raises NoSuchLine.
    """
    statement = ordered(_matching(wanted), _ORDER)
    if wanted.marker is not None:
        place = select(audit_log.c.at_us, audit_log.c.id).where(audit_log.c.id == wanted.marker)
        row = connection.execute(place).first()
        if row is None:
            raise NoSuchLine(wanted.marker)
        statement = statement.where(after(_ORDER, (row.at_us, row.id)))
    rows = list(connection.execute(statement.limit(wanted.limit + 1)))
    return rows[: wanted.limit], len(rows) > wanted.limit


def _matching(wanted: Wanted) -> Select[Any]:
    statement = select(audit_log)
    for name, value in asdict(wanted.alike).items():
        if value is not None:
            statement = statement.where(audit_log.c[name] == value)
    if wanted.since_us is not None:
        statement = statement.where(audit_log.c.at_us >= wanted.since_us)
    if wanted.until_us is not None:
        statement = statement.where(audit_log.c.at_us < wanted.until_us)
    return statement
