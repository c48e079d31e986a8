"""
Making, changing and deleting subnets.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.network import errors
from synnefo_tx.network.rows import addresses, subnet_pools, tags
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import changed, touched
from synnefo_tx.network.rows.kinds import NETWORKS
from synnefo_tx.network.rows.lists import find
from synnefo_tx.network.rows.networks import subnets_of
from synnefo_tx.network.rows.tables import networks, port_addresses, ports, subnets
from synnefo_tx.network.rules import subnets as rules
from synnefo_tx.network.rules.addresses import block_of, is_automatic
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.shapes import SUBNET
from synnefo_tx.quota import registered

_OF_POOLS = ("prefixlen", "use_default_subnetpool")  # say how to choose, and are not kept


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new subnet's id.  Raises NetworkNotFound, PolicyNotAuthorized, OverQuota and what
    rules/subnets.planned does.
    """
    network = find(connection, NETWORKS, values["network_id"], ask.caller)
    if not ask.caller.is_admin and network.project_id != ask.caller.project_id:
        raise errors.PolicyNotAuthorized("create_subnet")
    _lock(connection, network.id)
    there = subnets_of(connection, [network.id])
    given = values | subnet_pools.block_for(connection, ask.caller, values)
    columns = as_columns(SUBNET, given) | rules.planned(network.id, given, there)
    for name in _OF_POOLS:
        columns.pop(name, None)
    charge(connection, ask.project_id, {registered.SUBNET: 1})
    subnet_id = str(uuid.uuid4())
    connection.execute(
        insert(subnets).values(
            **columns,
            id=subnet_id,
            project_id=ask.project_id,
            created_at=ask.now_us,
            updated_at=ask.now_us,
        )
    )
    row = connection.execute(select(subnets).where(subnets.c.id == subnet_id)).one()
    if is_automatic(row):
        _give_to_all(connection, row, ask.now_us)
    changed(connection, network.id, ask.now_us)
    return subnet_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Raises InvalidValue, GatewayInPool, PoolOutside, PoolBackwards or PoolsOverlap.
    """
    columns = as_columns(SUBNET, values)
    block, gateway = block_of(row), columns.get("gateway_ip", row.gateway_ip)
    rules.check_servers(row.ip_version, values)
    if columns.get("gateway_ip") is not None:
        rules.check_gateway(block, gateway)
    if "allocation_pools" in columns:
        columns["allocation_pools"] = rules.pools_of(block, values["allocation_pools"], gateway)
    rules.check_gateway_outside(gateway, columns.get("allocation_pools", row.allocation_pools))
    touched(connection, subnets, row.id, columns, ask.now_us)
    changed(connection, row.network_id, ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    The subnet, with the addresses that guests made of themselves.  Raises SubnetInUse.
    """
    _lock(connection, row.network_id)
    held = connection.execute(
        select(ports.c.id, ports.c.device_owner, port_addresses.c.ip_address)
        .join(port_addresses, port_addresses.c.port_id == ports.c.id)
        .where(port_addresses.c.subnet_id == row.id)
    ).all()
    if not is_automatic(row) and held:
        raise errors.SubnetInUse(row.id)
    if any(one.device_owner.startswith("network:router") for one in held):
        raise errors.SubnetInUse(row.id)
    connection.execute(delete(port_addresses).where(port_addresses.c.subnet_id == row.id))
    tags.forget(connection, "subnets", [row.id])
    connection.execute(delete(subnets).where(subnets.c.id == row.id))
    give_back(connection, row.project_id, {registered.SUBNET: 1})
    changed(connection, row.network_id, ask.now_us)


def _lock(connection: Connection, network_id: str) -> None:
    """
    Nobody else changes which subnets the network has.
    """
    connection.execute(select(networks.c.id).where(networks.c.id == network_id).with_for_update())


def _give_to_all(connection: Connection, subnet: Any, now_us: int) -> None:
    """
    Guests that are on the network make themselves addresses of the new subnet.
    """
    on_it = select(ports).where(ports.c.network_id == subnet.network_id)
    for port in connection.execute(on_it).all():
        kept = [
            one.ip_address for one in addresses.of_ports(connection, [port.id]).get(port.id, ())
        ]
        addresses.give(
            connection, port, [addresses.AddressWish(ip_address=ip) for ip in kept], kept
        )
        touched(connection, ports, port.id, {}, now_us)
