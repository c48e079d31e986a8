"""
OP_NETWORK_ADD, OP_NETWORK_REMOVE, OP_NETWORK_SET_PARAMS, OP_NETWORK_RENAME.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import Any

from attrs import evolve

from ganetid.cluster.model import Change, DropNetwork, Network, PutNetwork
from ganetid.cluster.wiring import NetworkOptions
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    WRONG_INPUT,
    WRONG_STATE,
    AddressPoolError,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.fields import (
    Check,
    boolean,
    either,
    ipv4,
    ipv4_network,
    ipv6,
    ipv6_network,
    list_of,
    list_of_text,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.instance_parameters import NAME
from ganetid.opcodes.network_options import check_options, check_subnets
from ganetid.opcodes.networks import (
    carry,
    external,
    found,
    next_version,
    nodes_of,
    opcode,
    refuse_in_use,
)
from ganetid.opcodes.typed_body import changed_value, object_kind

MAC_PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2}")
NOTHING = "none"  # takes a value away


async def add(context: Context, given: Input) -> Outcome:
    """Enter a network; nothing is made on a node before it is connected."""
    taken = context.cluster.networks.get(given["network_name"])
    if taken is not None:
        raise OpPrereqError(
            f"Desired network name '{taken.name}' already exists as a network (UUID: {taken.uuid})",
            ALREADY_EXISTS,
        )
    network = network_from(given, context.now())
    if given["options"] is not None:
        options = changed_value(network.options, given["options"], "options")
        check_options(options, network, context)
        network = evolve(network, options=options)
    if given["conflicts_check"]:
        network = _without_nodes(context, network)
    return Outcome() if given["dry_run"] else Outcome(None, (PutNetwork(network),))


async def remove(context: Context, given: Input) -> Outcome:
    """Take a network out; refused while it is connected."""
    network = found(context, given)
    if network.connections:
        raise OpPrereqError("Network still connected", WRONG_STATE)
    refuse_in_use(context, network, "remove")
    return Outcome() if given["dry_run"] else Outcome(None, (DropNetwork(network.name),))


async def set_params(context: Context, given: Input) -> Outcome:
    """Set what is given; "none" takes a value away."""
    network = found(context, given)
    if given["gateway"] and (given["add_reserved_ips"] or given["remove_reserved_ips"]):
        raise OpPrereqError("Cannot modify gateway and reserved ips at once", WRONG_INPUT)
    fields: dict[str, Any] = {}
    for name in ("network6", "gateway6"):
        if given[name]:
            fields[name] = None if given[name] == NOTHING else given[name]
    if given["mac_prefix"]:
        fields["mac_prefix"] = _prefix(given["mac_prefix"])
    if given["gateway"]:
        fields["gateway"] = _new_gateway(context, network, given["gateway"])
    else:
        fields["reserved"] = _new_reservations(context, network, given)
    if given["dry_run"]:
        return Outcome()
    newer = next_version(network, context.now(), **fields)
    if network.options.subnets:
        check_subnets(newer, context.cluster)
    await carry(context, network, newer)
    return Outcome(None, (PutNetwork(newer),))


async def rename(context: Context, given: Input) -> Outcome:
    """Give a network another name; refused while instances are in it."""
    network, name = found(context, given), given["new_name"]
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid network name '{name}'", WRONG_INPUT)
    taken = context.cluster.networks.get(name)
    if taken is not None:
        raise OpPrereqError(
            f"Desired new name '{name}' clashes with existing network (UUID: {taken.uuid})",
            ALREADY_EXISTS,
        )
    users = context.cluster.instances_in(network.name)
    if users:
        raise OpPrereqError(
            f"Cannot rename network '{network.name}', in use by: {', '.join(users)}", WRONG_STATE
        )
    refuse_in_use(context, network, "rename")
    if given["dry_run"]:
        return Outcome(name)
    renamed = next_version(network, context.now(), name=name)
    for place in network.connections:
        for node in nodes_of(context, place.group):
            await node.disconnect(network)
            await node.connect(renamed)
    changes: tuple[Change, ...] = (DropNetwork(network.name), PutNetwork(renamed))
    return Outcome(name, changes)


def network_from(given: Input, now: float) -> Network:
    """The network that is asked for.  Raises OpPrereqError, OpExecError."""
    name = given["network_name"]
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid network name '{name}'", WRONG_INPUT)
    subnet, gateway = _subnet(given), given["gateway"]
    reserved = _reserved(subnet, given["add_reserved_ips"] or [])
    return Network(
        name=name,
        uuid=str(uuid.uuid4()),
        subnet=None if subnet is None else str(subnet),
        ctime=now,
        mtime=now,
        gateway=gateway,
        network6=given["network6"],
        gateway6=given["gateway6"],
        mac_prefix=_prefix(given["mac_prefix"]) if given["mac_prefix"] else None,
        reserved=tuple(dict.fromkeys(each for each in reserved if each != gateway)),
        tags=tuple(sorted(set(given["tags"] or ()))),
    )


def _subnet(given: Input) -> ipaddress.IPv4Network | None:
    """
    None: the network has IPv6 alone, or what its options say, which Ganeti knows not.

    Raises as `network_from`.
    """
    name, gateway = given["network_name"], given["gateway"]
    if given["network"] is None:
        has_none = given["network6"] is None and given["options"] is None
        if has_none or gateway is not None:
            words = "Parameter 'OP_NETWORK_ADD.network' fails validation"
            raise OpPrereqError(words, WRONG_INPUT)
        return None
    subnet = ipaddress.IPv4Network(given["network"])
    if not 16 <= subnet.prefixlen <= 30:
        size, bound = ("big", "most a /16") if subnet.prefixlen < 16 else ("small", "least a /30")
        raise _no_pool(
            name,
            f"A {size} network with {subnet.num_addresses} host(s) is currently not supported."
            f" please specify at {bound} network",
        )
    if gateway is not None and not _is_inside(gateway, subnet):
        raise _no_pool(name, f"{subnet} does not contain {gateway}")
    return subnet


def _reserved(subnet: ipaddress.IPv4Network | None, given: list[str]) -> tuple[str, ...]:
    if subnet is None and given:
        raise OpPrereqError("A network of IPv6 alone has no pool to reserve from", WRONG_INPUT)
    return () if subnet is None else tuple(_inside(address, subnet) for address in given)


def _subnet_of(network: Network) -> ipaddress.IPv4Network:
    """Raises OpPrereqError for a network of IPv6 alone."""
    if network.subnet is None:
        raise OpPrereqError(f"Network {network.name} has IPv6 alone", WRONG_INPUT)
    return ipaddress.IPv4Network(network.subnet)


def _no_pool(name: str, reason: str) -> OpExecError:
    return OpExecError(f"Cannot create IP address pool for network '{name}': {reason}")


def _without_nodes(context: Context, network: Network) -> Network:
    """The network with the addresses of nodes reserved."""
    if network.subnet is None:
        return network
    subnet = ipaddress.IPv4Network(network.subnet)
    kept = external(network)
    addresses: list[str] = []
    for member in context.cluster.members.values():
        for address in (member.primary_ip, member.secondary_ip):
            if _is_inside(address, subnet) and address not in {*kept, *addresses}:
                addresses.append(address)
                context.log(f" - INFO: Reserved IP address of node {member.name} ({address})")
    return evolve(network, reserved=(*network.reserved, *addresses))


def _new_gateway(context: Context, network: Network, wanted: str) -> str | None:
    if wanted == NOTHING:
        return None
    if wanted == network.gateway:
        context.log(f" - WARNING: Gateway is already {wanted}")
        return wanted
    address = _inside(wanted, _subnet_of(network))
    if address in external(network):
        raise AddressPoolError(f"IP {address} is already externally reserved")
    if address in context.cluster.addresses(network.name):
        raise OpPrereqError(f"Gateway IP address '{address}' is already reserved", WRONG_STATE)
    return address


def _new_reservations(context: Context, network: Network, given: Input) -> tuple[str, ...]:
    if not given["add_reserved_ips"] and not given["remove_reserved_ips"]:
        return network.reserved
    subnet = _subnet_of(network)
    reserved = list(network.reserved)
    for address in given["add_reserved_ips"] or ():
        if not _is_inside(address, subnet):
            reason = f"{address} is not contained in the network {subnet}"
        elif address in reserved or address in external(network):
            reason = f"{address} is already externally reserved"
        else:
            reserved.append(address)
            continue
        context.log(f" - WARNING: Cannot reserve IP address {address}: {reason}")
    for address in given["remove_reserved_ips"] or ():
        if address == network.gateway:
            context.log(" - WARNING: Cannot unreserve Gateway's IP")
        elif address in reserved:
            reserved.remove(address)
        else:
            context.log(f" - WARNING: Cannot release IP address {address}: it is not reserved")
    return tuple(reserved)


def _prefix(given: str) -> str | None:
    if given == NOTHING:
        return None
    prefix = given.lower()
    if not MAC_PREFIX.fullmatch(prefix) or int(prefix[:2], 16) & 1:
        raise OpPrereqError(f"Invalid MAC address prefix {given}", WRONG_INPUT)
    return prefix


def _inside(address: str, subnet: ipaddress.IPv4Network) -> str:
    if not _is_inside(address, subnet):
        raise OpExecError(
            f"Cannot reserve IP address '{address}': {address} is not contained in the network"
            f" {subnet}"
        )
    return str(ipaddress.IPv4Address(address))


def _is_inside(address: str, subnet: ipaddress.IPv4Network) -> bool:
    try:
        return ipaddress.IPv4Address(address) in subnet
    except ValueError:
        return False


def _or_none(check: Check) -> Check:
    return optional(either(check, one_of(NOTHING)))


OPCODES = (
    opcode(
        "OP_NETWORK_ADD",
        add,
        (
            Field("network", optional(ipv4_network)),
            Field("gateway", optional(ipv4)),
            Field("network6", optional(ipv6_network)),
            Field("gateway6", optional(ipv6)),
            Field("mac_prefix", optional(text)),
            Field("add_reserved_ips", optional(list_of(ipv4))),
            Field("conflicts_check", boolean, True),
            Field("options", optional(object_kind(NetworkOptions))),
            Field("tags", list_of_text, []),
        ),
        renamed={"name": "network_name"},
    ),
    opcode("OP_NETWORK_REMOVE", remove, (Field("force", boolean, False),)),
    opcode(
        "OP_NETWORK_SET_PARAMS",
        set_params,
        (
            Field("gateway", _or_none(ipv4)),
            Field("network6", _or_none(ipv6_network)),
            Field("gateway6", _or_none(ipv6)),
            Field("mac_prefix", optional(text)),
            Field("add_reserved_ips", optional(list_of(ipv4))),
            Field("remove_reserved_ips", optional(list_of(ipv4))),
        ),
    ),
    opcode("OP_NETWORK_RENAME", rename, (Field("new_name", text, REQUIRED),), described_by=None),
)
