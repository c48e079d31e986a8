"""
How many addresses of networks are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from synnefo_tx.network.rows.tables import port_addresses, subnets


def of_networks(connection: Connection, network_ids: Sequence[str]) -> dict[str, list[Any]]:
    """
    The subnets of each network, with `used`: how many of their addresses ports have.
    """
    found: dict[str, list[Any]] = {network_id: [] for network_id in network_ids}
    used = (
        select(func.count())
        .select_from(port_addresses)
        .where(port_addresses.c.subnet_id == subnets.c.id)
        .scalar_subquery()
    )
    wanted = select(subnets, used.label("used")).where(subnets.c.network_id.in_(network_ids))
    for row in connection.execute(wanted.order_by(subnets.c.created_at, subnets.c.id)):
        found[row.network_id].append(row)
    return found
