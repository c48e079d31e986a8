"""
The security groups that ports are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.network.group_errors import (
    GroupsNeedSecurity,
    PortHasGroups,
    SecurityGroupNotFound,
)
from synnefo_tx.network.rows.ask import Ask
from synnefo_tx.network.rows.group_kinds import GROUPS
from synnefo_tx.network.rows.group_tables import port_security_groups
from synnefo_tx.network.rows.lists import find_all
from synnefo_tx.network.rows.security_groups import ensure_default


def of_ports(connection: Connection, port_ids: Iterable[str]) -> dict[str, list[str]]:
    """
    Each port's groups.
    """
    found: dict[str, list[str]] = {}
    for row in connection.execute(
        select(port_security_groups)
        .where(port_security_groups.c.port_id.in_(list(port_ids)))
        .order_by(port_security_groups.c.group_id)
    ):
        found.setdefault(row.port_id, []).append(row.group_id)
    return found


def put(connection: Connection, port_id: str, group_ids: Iterable[str]) -> None:
    """
    The port is in these groups, and no others.
    """
    connection.execute(
        delete(port_security_groups).where(port_security_groups.c.port_id == port_id)
    )
    for group_id in sorted(set(group_ids)):
        connection.execute(insert(port_security_groups).values(port_id=port_id, group_id=group_id))


def at_first(
    connection: Connection, ask: Ask, asked: Sequence[str] | None, *, is_secure: bool
) -> list[str]:
    """
    The groups of a port to come: those asked for, or its project's default one.  Raises
    SecurityGroupNotFound or GroupsNeedSecurity.
    """
    if asked is None:
        return [ensure_default(connection, ask.project_id, ask.now_us)] if is_secure else []
    if asked and not is_secure:
        raise GroupsNeedSecurity
    _check_visible(connection, ask, asked)
    return list(asked)


def change(
    connection: Connection,
    ask: Ask,
    port_id: str,
    asked: Sequence[str] | None,
    *,
    is_secure: bool,
) -> None:
    """
    asked: None when nothing was said of groups.  Raises SecurityGroupNotFound, PortHasGroups or
    GroupsNeedSecurity.
    """
    if asked is None:
        if not is_secure and of_ports(connection, [port_id]):
            raise PortHasGroups
        return
    if asked and not is_secure:
        raise GroupsNeedSecurity
    _check_visible(connection, ask, asked)
    put(connection, port_id, asked)


def _check_visible(connection: Connection, ask: Ask, group_ids: Sequence[str]) -> None:
    there = {row.id for row in find_all(connection, GROUPS, group_ids, ask.caller)}
    for group_id in group_ids:
        if group_id not in there:
            raise SecurityGroupNotFound(group_id)
