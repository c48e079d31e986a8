"""
The security groups that ports are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.group_errors import SecurityGroupNotFound
from synnefo_tx.network.rows.group_kinds import GROUPS
from synnefo_tx.network.rows.group_tables import port_security_groups
from synnefo_tx.network.rows.lists import find_all


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


def check_visible(connection: Connection, group_ids: Sequence[str], caller: Caller) -> None:
    """
    Raises SecurityGroupNotFound for one that is not the caller's to use.
    """
    there = {row.id for row in find_all(connection, GROUPS, group_ids, caller)}
    for group_id in group_ids:
        if group_id not in there:
            raise SecurityGroupNotFound(group_id)
