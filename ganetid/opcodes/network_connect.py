"""
OP_NETWORK_CONNECT, OP_NETWORK_DISCONNECT: a network's place in a node group, on each of its nodes.
"""

from __future__ import annotations

import ipaddress

from ganetid.cluster.model import Connection, Instance, Network, Nic, PutNetwork
from ganetid.jobs.locks import Lock
from ganetid.network.names import LINK
from ganetid.network.vlan_notation import BadVlan, membership
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.opcodes.fields import boolean, one_of, optional, string, text
from ganetid.opcodes.groups import group_named
from ganetid.opcodes.networks import alone, found, next_version, nodes_of, opcode, refuse_in_use

MODES = ("bridged", "routed", "openvswitch", "pool", "ext")


async def connect(context: Context, given: Input) -> Outcome:
    """Make the network's bridge, gateway, DHCP and masquerading on the group's nodes."""
    network = found(context, given)
    group = group_named(context.cluster, given["group_name"])
    place = _place(given, group.name)
    if any(each.group == group.name for each in network.connections):
        context.log(
            f" - WARNING: Network '{network.name}' is already mapped to group '{group.name}'"
        )
        return Outcome()
    _refuse_taken_link(context, network, place)
    if given["conflicts_check"]:
        _refuse_addresses(context, network, group.name)
    if given["dry_run"]:
        return Outcome()
    connected = next_version(network, context.now(), connections=(*network.connections, place))
    for node in nodes_of(context, group.name):
        await node.connect(connected)
    return Outcome(None, (PutNetwork(connected),))


async def disconnect(context: Context, given: Input) -> Outcome:
    """Remove from the nodes what connect made; refused while instances of the group use it."""
    network = found(context, given)
    group = group_named(context.cluster, given["group_name"])
    kept = tuple(each for each in network.connections if each.group != group.name)
    if kept == network.connections:
        context.log(f" - WARNING: Network '{network.name}' is not mapped to group '{group.name}'")
        return Outcome()
    _refuse(
        context, network, group.name, "disconnect from",
        {
            instance.name: [
                (index, nic.ip)
                for index, nic in enumerate(instance.nics)
                if nic.network == network.name
            ]
            for instance in _instances(context, group.name)
        },
    )  # fmt: skip
    refuse_in_use(context, network, "disconnect", group.name)
    if given["dry_run"]:
        return Outcome()
    for node in nodes_of(context, group.name):
        await node.disconnect(network)
    newer = next_version(network, context.now(), connections=kept)
    return Outcome(None, (PutNetwork(newer),))


def _place(given: Input, group: str) -> Connection:
    link, vlan = given["network_link"], str(given["network_vlan"] or "")
    if not LINK.fullmatch(link):
        raise OpPrereqError(f"Invalid network link '{link}'", WRONG_INPUT)
    try:
        membership(vlan)
    except BadVlan:
        raise OpPrereqError(f"Invalid network VLAN '{vlan}'", WRONG_INPUT) from None
    return Connection(group, given["network_mode"], link, vlan)


def _instances(context: Context, group: str) -> list[Instance]:
    return [
        instance
        for member in context.cluster.members_of(group)
        for instance in context.cluster.on_node(member.name)
    ]


def _refuse_addresses(context: Context, network: Network, group: str) -> None:
    """NICs outside of the network must not have its addresses."""
    if network.subnet is None:
        return
    subnet = ipaddress.IPv4Network(network.subnet)
    used = {
        instance.name: [
            (index, nic.ip)
            for index, nic in enumerate(instance.nics)
            if nic.network != network.name and _is_in(nic, subnet)
        ]
        for instance in _instances(context, group)
    }
    _refuse(context, network, group, "connect to", used)


def _refuse(
    context: Context,
    network: Network,
    group: str,
    action: str,
    used: dict[str, list[tuple[int, str | None]]],
) -> None:
    shown = [
        f"{name}: {', '.join(f'nic{index}/{address}' for index, address in nics)}"
        for name, nics in used.items()
        if nics
    ]
    if not shown:
        return
    context.log(
        f" - WARNING: IP addresses from network '{network.name}', which is about to {action}"
        f" node group '{group}', are in use: {', '.join(shown)}"
    )
    raise OpPrereqError(
        "Conflicting IP addresses found;  remove/modify the corresponding network interfaces",
        WRONG_STATE,
    )


def _is_in(nic: Nic, subnet: ipaddress.IPv4Network) -> bool:
    try:
        return ipaddress.IPv4Address(nic.ip or "") in subnet
    except ValueError:
        return False


def _refuse_taken_link(context: Context, network: Network, place: Connection) -> None:
    """
    A link carries one network in a group: its bridge has that network's gateway.

    Networks that are told apart by MAC prefix, VLAN or routing may share one.
    """
    if network.mac_prefix or place.vlan or place.mode != "bridged":
        return
    for other in context.cluster.networks.values():
        for each in other.connections:
            shares = other.mac_prefix or each.vlan or each.mode != "bridged"
            if each.group == place.group and each.link == place.link and not shares:
                raise OpPrereqError(
                    f"Link '{place.link}' belongs to network '{other.name}'", WRONG_STATE
                )


def _locks(given: Input) -> tuple[Lock, ...]:
    """Links must be compared one at a time, so these also hold the group's network."""
    return (*alone(given), Lock("nodegroup", str(given["group_name"])))


GROUP = Field("group_name", text, REQUIRED)
OPCODES = (
    opcode(
        "OP_NETWORK_CONNECT",
        connect,
        (
            GROUP,
            Field("network_mode", one_of(*MODES), REQUIRED),
            Field("network_link", text, REQUIRED),
            Field("network_vlan", optional(string), ""),
            Field("conflicts_check", boolean, True),
        ),
        locks=_locks,
    ),
    opcode("OP_NETWORK_DISCONNECT", disconnect, (GROUP,), locks=_locks),
)
