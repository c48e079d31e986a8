"""
The ports of a server that a cluster is to make.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from synnefo_tx.compute.rules.config_drive import Interface
from synnefo_tx.effect.wishes import NicPlan
from synnefo_tx.network.rows import port_groups
from synnefo_tx.network.rows.tables import ports


def nic_plans(connection: Connection, interfaces: Sequence[Interface]) -> tuple[NicPlan, ...]:
    """
    In the order of `interfaces`.
    """
    ids = [one.port_id for one in interfaces]
    groups = port_groups.of_ports(connection, ids)
    secure = {
        row.id: row.port_security
        for row in connection.execute(
            select(ports.c.id, ports.c.port_security).where(ports.c.id.in_(ids))
        )
    }
    return tuple(
        NicPlan(
            port_id=one.port_id,
            network_id=one.network_id,
            ip_address=one.ip_address,
            mac_address=one.mac_address,
            is_secure=secure[one.port_id],
            security_groups=tuple(groups.get(one.port_id, ())),
        )
        for one in interfaces
    )
