"""
Limits and holdings of users and projects that are there no more.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, or_, select

from synnefo_tx.identity.rows.tables import projects, users
from synnefo_tx.quota.rows.tables import holdings, quota_limits

USER, PROJECT = "user:", "project:"


def forget_gone(connection: Connection) -> None:
    """
    Their rows go, but for holdings of which something is still used or pending: who looks for what
    was left behind finds it there.  Reads both tables whole.
    """
    unused = and_(holdings.c.usage_min == 0, holdings.c.usage_max == 0)
    connection.execute(delete(holdings).where(unused, _of_nobody(holdings)))
    connection.execute(delete(quota_limits).where(_of_nobody(quota_limits)))


def _of_nobody(table: Table) -> ColumnElement[bool]:
    return or_(
        _gone(table.c.holder, USER, users),
        _gone(table.c.holder, PROJECT, projects),
        _gone(table.c.source, PROJECT, projects),
    )


def _gone(column: Any, prefix: str, table: Table) -> ColumnElement[bool]:
    named = func.substr(column, len(prefix) + 1)
    return and_(column.startswith(prefix), ~exists(select(table.c.id).where(table.c.id == named)))
