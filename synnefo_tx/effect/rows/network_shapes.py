"""
Networks as their clusters shall have them, read from the rows.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.plans import networks as plans
from synnefo_tx.effect.tasks import Step
from synnefo_tx.network.rows.tables import networks, subnets
from synnefo_tx.network.rules.addresses import AUTOMATIC

FIRST_GROUP = ("default",)  # of a cluster whose groups have not been asked yet


def stands(connection: Connection, network_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that make the network stand; none when it is no more.
    """
    network = connection.execute(select(networks).where(networks.c.id == network_id)).first()
    if network is None:
        return ()
    rows = connection.execute(
        select(subnets)
        .where(subnets.c.network_id == network_id)
        .order_by(subnets.c.ip_version, subnets.c.created_at, subnets.c.id)
    ).all()
    has_main = not network.link.startswith(plans.OVERLAY) and rows and rows[0].ip_version == 4
    shapes = tuple(_subnet(row) for row in rows)
    shape = plans.NetworkShape(
        network_id=network_id,
        cluster_id=cluster_id,
        link=network.link,
        mtu=network.mtu,
        domain=network.dns_domain.rstrip(".") or None,
        main=shapes[0] if has_main else None,
        subnets=shapes[1:] if has_main else shapes,
        node_groups=_groups(connection, cluster_id),
    )
    return plans.stands(shape)


def gone(connection: Connection, network_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    The steps that take it away.
    """
    return plans.gone(network_id, cluster_id, _groups(connection, cluster_id))


def _subnet(row: Any) -> plans.SubnetShape:
    """
    A gateway outside its subnet is nothing that guests can be told by these means.
    """
    block = ipaddress.ip_network(row.cidr)
    has_gateway = row.gateway_ip is not None and ipaddress.ip_address(row.gateway_ip) in block
    return plans.SubnetShape(
        cidr=row.cidr,
        gateway=row.gateway_ip if has_gateway else None,
        dhcp=row.enable_dhcp,
        dns=tuple(one for one in row.dns_nameservers if _version(one) == row.ip_version),
        host_routes=tuple((one["destination"], one["nexthop"]) for one in row.host_routes),
        managed_ipv6=row.ip_version == 6 and row.address_mode not in AUTOMATIC,
    )


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _groups(connection: Connection, cluster_id: str) -> tuple[str, ...]:
    known = connection.execute(
        select(clusters.c.node_groups).where(clusters.c.id == cluster_id)
    ).scalar()
    return tuple(known) if known else FIRST_GROUP
