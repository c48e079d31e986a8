"""
Networks, subnets and ports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.api.resource import Json, Resource, serve
from synnefo_tx.network.rows import (
    addresses,
    change_networks,
    change_ports,
    change_subnets,
    kinds,
    port_groups,
    tags,
)
from synnefo_tx.network.rows.networks import subnets_of
from synnefo_tx.network.rules import shapes
from synnefo_tx.network.views import resources as views


def _see_networks(connection: Connection, rows: Sequence[Any], caller: Caller) -> list[Json]:
    ids = [row.id for row in rows]
    subnets: dict[str, list[str]] = {}
    for subnet in subnets_of(connection, ids):
        subnets.setdefault(subnet.network_id, []).append(subnet.id)
    tagged = tags.of_things(connection, "networks", ids)
    return [
        views.network(row, subnets.get(row.id, ()), tagged.get(row.id, ()), caller.is_admin)
        for row in rows
    ]


def _see_subnets(connection: Connection, rows: Sequence[Any], _: Caller) -> list[Json]:
    tagged = tags.of_things(connection, "subnets", [row.id for row in rows])
    return [views.subnet(row, tagged.get(row.id, ())) for row in rows]


def _see_ports(connection: Connection, rows: Sequence[Any], caller: Caller) -> list[Json]:
    ids = [row.id for row in rows]
    given = addresses.of_ports(connection, ids)
    grouped = port_groups.of_ports(connection, ids)
    tagged = tags.of_things(connection, "ports", ids)
    return [
        views.port(
            row,
            given.get(row.id, ()),
            grouped.get(row.id, ()),
            tagged.get(row.id, ()),
            caller.is_admin,
        )
        for row in rows
    ]


NETWORK = Resource(
    "network",
    kinds.NETWORKS,
    shapes.NETWORK,
    _see_networks,
    change_networks.create,
    change_networks.change,
    change_networks.remove,
)
SUBNET = Resource(
    "subnet",
    kinds.SUBNETS,
    shapes.SUBNET,
    _see_subnets,
    change_subnets.create,
    change_subnets.change,
    change_subnets.remove,
)
PORT = Resource(
    "port",
    kinds.PORTS,
    shapes.PORT,
    _see_ports,
    change_ports.create,
    change_ports.change,
    change_ports.remove,
)


def add_routes(service: Service) -> None:
    """
    Serve every resource.
    """
    for resource in (NETWORK, SUBNET, PORT):
        serve(service, resource)
