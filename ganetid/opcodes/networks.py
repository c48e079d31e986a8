"""
OP_NETWORK_ADD, OP_NETWORK_REMOVE, OP_NETWORK_CONNECT, OP_NETWORK_DISCONNECT.

The node is brought to the wanted state, whatever it finds, so after a crash each is done again.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import Any

from attrs import evolve

from ganetid.cluster.model import Connection, DropNetwork, Network, PutNetwork
from ganetid.jobs.locks import Lock
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    NETWORK,
    REQUIRED,
    Field,
    Input,
    Opcode,
    Outcome,
    anything,
    boolean,
    list_of_text,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
)
from ganetid.opcodes.instance_parameters import NAME

GROUP = "default"
LINK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
MAC_PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2}")


async def add(context: Context, given: Input) -> Outcome:
    """Enter a network; nothing is made on the node before it is connected."""
    network = network_from(given, context.now())
    if network.name in context.cluster.networks:
        raise OpPrereqError(f"Network with name '{network.name}' already exists", ALREADY_EXISTS)
    if given["dry_run"]:
        return Outcome()
    return Outcome(None, (PutNetwork(network),))


async def remove(context: Context, given: Input) -> Outcome:
    """Take a network out; refused while it is connected."""
    network = found(context, given)
    if network.connections:
        raise OpPrereqError(f"Network '{network.name}' still connected", WRONG_STATE)
    if given["dry_run"]:
        return Outcome()
    return Outcome(None, (DropNetwork(network.name),))


async def connect(context: Context, given: Input) -> Outcome:
    """Make the network's bridge, gateway, DHCP and masquerading on the node."""
    network = found(context, given)
    if given["group_name"] != GROUP:
        raise OpPrereqError(f"Group '{given['group_name']}' not found", UNKNOWN_ENTITY)
    link = given["network_link"]
    if not LINK.fullmatch(link):
        raise OpPrereqError(f"Invalid network link '{link}'", WRONG_INPUT)
    if network.connections:
        raise OpPrereqError(
            f"Network '{network.name}' is already mapped to group '{GROUP}'", ALREADY_EXISTS
        )
    _refuse_taken_link(context, network, link)
    if given["dry_run"]:
        return Outcome()
    connection = Connection(GROUP, given["network_mode"], link, str(given["network_vlan"] or ""))
    connected = _next(network, context.now(), connections=(connection,))
    for node in nodes_of(context, GROUP):
        await node.connect(connected)
    return Outcome(None, (PutNetwork(connected),))


async def disconnect(context: Context, given: Input) -> Outcome:
    """Remove from the node what connect made; refused while instances use it."""
    network = found(context, given)
    if given["group_name"] != GROUP:
        raise OpPrereqError(f"Group '{given['group_name']}' not found", UNKNOWN_ENTITY)
    if not network.connections:
        raise OpPrereqError(
            f"Network '{network.name}' is not mapped to group '{GROUP}'", WRONG_STATE
        )
    users = context.cluster.instances_in(network.name)
    if users:
        raise OpPrereqError(
            f"Cannot disconnect network '{network.name}', in use by: {', '.join(users)}",
            WRONG_STATE,
        )
    if given["dry_run"]:
        return Outcome()
    for node in nodes_of(context, GROUP):
        await node.disconnect(network)
    return Outcome(None, (PutNetwork(_next(network, context.now(), connections=())),))


def network_from(given: Input, now: float) -> Network:
    """The network that is asked for.  Raises OpPrereqError."""
    name = given["network_name"]
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid network name '{name}'", WRONG_INPUT)
    try:
        subnet = ipaddress.IPv4Network(given["network"])
        gateway = _member(given["gateway"], subnet)
        reserved = tuple(
            str(_member(address, subnet)) for address in given["add_reserved_ips"] or ()
        )
    except ValueError as error:
        raise OpPrereqError(f"Invalid network: {error}", WRONG_INPUT) from error
    if not 16 <= subnet.prefixlen <= 30:
        raise OpPrereqError("A network must be a /16 to a /30", WRONG_INPUT)
    prefix = given["mac_prefix"]
    if prefix and not MAC_PREFIX.fullmatch(prefix.lower()):
        raise OpPrereqError(f"Invalid MAC address prefix '{prefix}'", WRONG_INPUT)
    return Network(
        name=name,
        uuid=str(uuid.uuid4()),
        subnet=str(subnet),
        ctime=now,
        mtime=now,
        gateway=gateway,
        network6=given["network6"],
        gateway6=given["gateway6"],
        mac_prefix=prefix.lower() if prefix else None,
        reserved=reserved,
        tags=tuple(sorted(set(given["tags"] or ()))),
    )


def found(context: Context, given: Input) -> Network:
    """The network that is meant.  Raises OpPrereqError when there is none."""
    name = given["network_name"]
    network = context.cluster.networks.get(name)
    if network is None:
        raise OpPrereqError(f"Network '{name}' not found", UNKNOWN_ENTITY)
    return network


def nodes_of(context: Context, group: str) -> list[INode]:
    """The group's nodes that are not offline."""
    members = context.cluster.members_of(group)
    return [context.nodes.named(member.name) for member in members if not member.offline]


def _member(address: str | None, subnet: ipaddress.IPv4Network) -> str | None:
    if address is None:
        return None
    if ipaddress.IPv4Address(address) not in subnet:
        raise ValueError(f"{address} is not in {subnet}")
    return str(ipaddress.IPv4Address(address))


def _refuse_taken_link(context: Context, network: Network, link: str) -> None:
    for other in context.cluster.networks.values():
        if other.name != network.name and any(each.link == link for each in other.connections):
            raise OpPrereqError(f"Link '{link}' belongs to network '{other.name}'", WRONG_STATE)


def _next(network: Network, now: float, **fields: Any) -> Network:
    return evolve(network, mtime=now, serial_no=network.serial_no + 1, **fields)


def _alone(given: Input) -> tuple[Lock, ...]:
    return (Lock("network", str(given["network_name"])),)


NAMED = Field("network_name", text, REQUIRED)


def _opcode(op_id: str, run: Any, fields: tuple[Field, ...], locks: Any = _alone) -> Opcode:
    return Opcode(
        op_id=op_id,
        fields=(NAMED, *fields),
        run=run,
        recover=run,
        locks=locks,
        described_by="network_name",
        subject=(NETWORK, "network_name"),
        renamed={"name": "network_name"} if op_id == "OP_NETWORK_ADD" else {},
    )


def _on_the_node(given: Input) -> tuple[Lock, ...]:
    """Links must be compared one at a time, so these also hold the node's network."""
    return (*_alone(given), Lock("node", "network"))


OPCODES = (
    _opcode(
        "OP_NETWORK_ADD",
        add,
        (
            Field("network", text, REQUIRED),
            Field("gateway", optional(text)),
            Field("network6", optional(text)),
            Field("gateway6", optional(text)),
            Field("mac_prefix", optional(text)),
            Field("add_reserved_ips", optional(list_of_text)),
            Field("conflicts_check", boolean, True),
            Field("tags", optional(list_of_text), []),
        ),
    ),
    _opcode("OP_NETWORK_REMOVE", remove, (Field("force", anything, False),)),
    _opcode(
        "OP_NETWORK_CONNECT",
        connect,
        (
            Field("group_name", text, REQUIRED),
            Field("network_mode", one_of("bridged"), REQUIRED),
            Field("network_link", text, REQUIRED),
            Field("network_vlan", optional(text), None),
            Field("conflicts_check", boolean, True),
        ),
        locks=_on_the_node,
    ),
    _opcode(
        "OP_NETWORK_DISCONNECT",
        disconnect,
        (Field("group_name", text, REQUIRED),),
        locks=_on_the_node,
    ),
)
