"""
Networks and subnets: making them, and finding those that a project may use.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from synnefo_tx.network.rows.sharing import shared_with
from synnefo_tx.network.rows.tables import networks, subnets

AnyRow = Row[Any]


def create_network(
    connection: Connection,
    id: str,  # noqa: A002 - the row's own name for it
    project_id: str,
    name: str,
    shared: bool,
    mtu: int,
    link: str,
    now_us: int,
    *,
    external: bool = False,
) -> None:
    """
    A network carried by the bridge `link` of every node.  mtu in bytes.  external: routers may lead
    to it.
    """
    connection.execute(
        insert(networks).values(
            id=id,
            name=name,
            project_id=project_id,
            shared=shared,
            external=external,
            mtu=mtu,
            link=link,
            created_at=now_us,
            updated_at=now_us,
        )
    )


def create_subnet(
    connection: Connection,
    *,
    id: str,  # noqa: A002
    network_id: str,
    project_id: str,
    name: str,
    cidr: str,
    gateway_ip: str,
    dns_nameservers: Sequence[str],
    pool_start: str,
    pool_end: str,
    now_us: int,
) -> None:
    """
    A subnet, whose servers get addresses from pool_start to pool_end, both included.  Raises
    ValueError for a pool outside `cidr` or around the gateway.
    """
    block = ipaddress.ip_network(cidr)
    first, last = ipaddress.ip_address(pool_start), ipaddress.ip_address(pool_end)
    gateway = ipaddress.ip_address(gateway_ip)
    if first not in block or last not in block or int(first) > int(last):
        raise ValueError(f"{first} to {last} is no pool of {block}")
    if int(first) <= int(gateway) <= int(last):
        raise ValueError(f"the gateway {gateway} lies in the pool {first} to {last}")
    connection.execute(
        insert(subnets).values(
            id=id,
            network_id=network_id,
            project_id=project_id,
            name=name,
            ip_version=block.version,
            cidr=str(block),
            gateway_ip=str(gateway),
            dns_nameservers=list(dns_nameservers),
            allocation_pools=[{"start": str(first), "end": str(last)}],
            created_at=now_us,
            updated_at=now_us,
        )
    )


def usable(connection: Connection, project_id: str) -> list[AnyRow]:
    """
    The networks that servers of the project are plugged into unasked: those that it may use and
    that have a subnet, but for external ones.
    """
    return list(
        connection.execute(
            select(networks)
            .where(
                or_(networks.c.project_id == project_id, shared_with(project_id)),
                ~networks.c.external,
                select(subnets.c.id).where(subnets.c.network_id == networks.c.id).exists(),
            )
            .order_by(networks.c.created_at, networks.c.id)
        )
    )


def find(connection: Connection, network_id: str, project_id: str, everyone: bool) -> AnyRow | None:
    """
    The network, if the project may use it.  everyone: look in all projects.
    """
    statement = select(networks).where(networks.c.id == network_id)
    if not everyone:
        statement = statement.where(
            or_(networks.c.project_id == project_id, shared_with(project_id))
        )
    return connection.execute(statement).first()


def subnets_of(connection: Connection, network_ids: Sequence[str]) -> list[AnyRow]:
    """
    The subnets of these networks, oldest first.
    """
    return list(
        connection.execute(
            select(subnets)
            .where(subnets.c.network_id.in_(network_ids))
            .order_by(subnets.c.created_at, subnets.c.id)
        )
    )
