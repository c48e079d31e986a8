"""
A server's ports with what its guest must know of their networks.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from synnefo_tx.network.rows.ports import AnyRow
from synnefo_tx.network.rows.tables import networks, ports, subnets


def plugs_of(connection: Connection, server_id: str) -> list[AnyRow]:
    """
    Ports with `mtu`, `cidr`, `gateway_ip` and `dns_nameservers`, oldest first.
    """
    return list(
        connection.execute(
            select(
                ports,
                networks.c.mtu,
                subnets.c.cidr,
                subnets.c.gateway_ip,
                subnets.c.dns_nameservers,
            )
            .join(networks, networks.c.id == ports.c.network_id)
            .join(subnets, subnets.c.id == ports.c.subnet_id)
            .where(ports.c.device_id == server_id)
            .order_by(ports.c.created_at, ports.c.id)
        )
    )
