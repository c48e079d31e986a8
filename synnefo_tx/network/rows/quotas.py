"""
How many networks, subnets and ports a project has and may have.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection, Table, func, select

from synnefo_tx.network.rows.tables import networks, subnets
from synnefo_tx.quota.rows.holdings import held


@frozen
class Usage:
    """
    limit -1 means none.
    """

    limit: int
    used: int


def usages(connection: Connection, project_id: str) -> dict[str, Usage]:
    """
    Projects can't make networks and subnets here, so only ports have a limit that counts.
    """
    ports = held(connection, project_id)["ports"]
    return {
        "network": Usage(0, _count(connection, networks, project_id)),
        "subnet": Usage(0, _count(connection, subnets, project_id)),
        "port": Usage(ports.limit, ports.used),
    }


def _count(connection: Connection, table: Table, project_id: str) -> int:
    counted = select(func.count()).select_from(table).where(table.c.project_id == project_id)
    return connection.execute(counted).scalar_one()
