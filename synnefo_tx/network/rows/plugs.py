"""
A server's ports with what its guest must know of their networks.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from synnefo_tx.network.rows.ports import AnyRow
from synnefo_tx.network.rows.tables import networks, port_addresses, ports, subnets


def plugs_of(connection: Connection, server_id: str) -> list[AnyRow]:
    """
    Ports with their first address and its `cidr`, `gateway_ip` and `dns_nameservers`, and their
    networks' `mtu`, oldest first.
    """
    return list(
        connection.execute(
            select(
                ports,
                port_addresses.c.ip_address,
                networks.c.mtu,
                subnets.c.cidr,
                subnets.c.gateway_ip,
                subnets.c.dns_nameservers,
            )
            .join(networks, networks.c.id == ports.c.network_id)
            .join(port_addresses, port_addresses.c.port_id == ports.c.id)
            .join(subnets, subnets.c.id == port_addresses.c.subnet_id)
            .where(ports.c.device_id == server_id, port_addresses.c.position == 0)
            .order_by(ports.c.created_at, ports.c.id)
        )
    )
