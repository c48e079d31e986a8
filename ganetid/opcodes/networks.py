"""
What opcodes on networks share: finding a network, its next version, its group and nodes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network
from ganetid.jobs.locks import Lock
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import NETWORK, REQUIRED, Field, Input, Opcode, text
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_STATE, OpExecError, OpPrereqError

NAMED = Field("network_name", text, REQUIRED)


def found(context: Context, given: Input) -> Network:
    """The network that is meant, by name or UUID.  Raises OpPrereqError when there is none."""
    name = given["network_name"]
    network = context.cluster.networks.get(name)
    if network is not None:
        return network
    for each in context.cluster.networks.values():
        if each.uuid == name:
            return each
    raise OpPrereqError(f"Network '{name}' not found", UNKNOWN_ENTITY)


def nodes_of(context: Context, group: str) -> list[INode]:
    """The group's nodes that are not offline."""
    members = context.cluster.members_of(group)
    return [context.nodes.named(member.name) for member in members if not member.offline]


async def carry(context: Context, old: Network, newer: Network) -> None:
    """
    Bring the nodes of connected groups to the network's new state.

    On failure they are brought back.  Raises OpExecError.
    """
    told: list[INode] = []
    try:
        for place in newer.connections:
            for node in nodes_of(context, place.group):
                told.append(node)
                await node.connect(newer)
    except OpExecError:
        for node in told:
            await _back(context, node, old)
        raise


async def _back(context: Context, node: INode, old: Network) -> None:
    try:
        await node.connect(old)
    except OpExecError as error:
        context.log(f" - WARNING: {node.name} does not carry {old.name} as before: {error}")


def refuse_in_use(
    context: Context, network: Network, action: str, group: str | None = None
) -> None:
    """
    Raises OpPrereqError while routers (of this node group) are in the network, or options of others
    name it.
    """
    users = sorted(
        f"router {router.name}"
        for router in context.cluster.routers.values()
        if group in {None, router.group}
        and any(each.network == network.name for each in router.places)
    )
    if group is None:
        users += [
            f"network {other.name}"
            for other in context.cluster.networks.values()
            if network.name in other.options.reachable_from
        ]
    if users:
        raise OpPrereqError(
            f"Cannot {action} network '{network.name}', in use by {', '.join(users)}", WRONG_STATE
        )


def next_version(network: Network, now: float, **fields: Any) -> Network:
    """The network as it is after a change."""
    return evolve(network, mtime=now, serial_no=network.serial_no + 1, **fields)


def external(network: Network) -> set[str]:
    """Addresses that no NIC may have: the edges, the gateways, those that are reserved."""
    kept = set(network.reserved)
    if network.subnet is not None:
        subnet = ipaddress.IPv4Network(network.subnet)
        kept |= {str(subnet.network_address), str(subnet.broadcast_address)}
    elif network.gateway6 is not None:
        kept.add(str(ipaddress.IPv6Address(network.gateway6)))
    return kept | ({network.gateway} if network.gateway else set())


def taken(network: Network, cluster: Configuration) -> set[str]:
    """Addresses of the network's pool (without one: any) that are not free."""
    used = external(network) | set(cluster.addresses(network.name))
    if network.subnet is None:
        return used
    pool = ipaddress.ip_network(network.subnet)
    return {each for each in used if ipaddress.ip_address(each) in pool}


def in_order(addresses: Iterable[str]) -> list[str]:
    """The addresses, lowest first."""
    return sorted(addresses, key=lambda each: (":" in each, int(ipaddress.ip_address(each))))


def alone(given: Input) -> tuple[Lock, ...]:
    """The network, exclusively."""
    return (Lock("network", str(given["network_name"])),)


def opcode(
    op_id: str, run: Any, fields: tuple[Field, ...] = (), locks: Any = alone, **more: Any
) -> Opcode:
    """
    An opcode on a network.

    It brings nodes to the wanted state, whatever it finds, so after a crash it is done again.
    """
    facts = {"described_by": "network_name", "subject": (NETWORK, "network_name"), **more}
    return Opcode(op_id, (NAMED, *fields), run, run, locks, **facts)
