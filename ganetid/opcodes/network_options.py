"""
OP_NETWORK_SET_OPTIONS: how a network is carried, beyond Ganeti's parameters.
"""

from __future__ import annotations

import ipaddress
import re

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network, PutNetwork
from ganetid.cluster.subnets import gateways_of, subnets_of
from ganetid.cluster.wiring import HostRoute, NetworkOptions, Subnet
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.errors import WRONG_STATE, OpPrereqError
from ganetid.opcodes.network_port import MTUS, check_cidr
from ganetid.opcodes.networks import carry, found, next_version, opcode
from ganetid.opcodes.typed_body import changed_value, check_ip, object_kind, wrong

MOST_SUBNETS = 64
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


async def set_options(context: Context, given: Input) -> Outcome:
    """Change what is given, on all nodes that carry the network."""
    network = found(context, given)
    options = changed_value(network.options, given["options"], "options")
    check_options(options, network, context)
    if given["dry_run"]:
        return Outcome()
    newer = next_version(network, context.now(), options=options)
    await carry(context, network, newer)
    return Outcome(None, (PutNetwork(newer),))


def check_options(options: NetworkOptions, network: Network, context: Context) -> None:
    """Raises OpPrereqError, which names the field."""
    if options.mtu is not None and options.mtu not in MTUS:
        raise wrong("options.mtu", f"{options.mtu} is not in {MTUS.start} to {MTUS.stop - 1}")
    for index, each in enumerate(options.dns):
        check_ip(each, f"options.dns[{index}]")
    if options.domain is not None and not DOMAIN.fullmatch(options.domain):
        raise wrong("options.domain", f"'{options.domain}' is no domain")
    if options.uplink is not None and not INTERFACE.fullmatch(options.uplink):
        raise wrong("options.uplink", f"'{options.uplink}' is no interface")
    check_routes(options.host_routes, "options.host_routes", (4,))
    for index, name in enumerate(options.reachable_from):
        if name not in context.cluster.networks or name == network.name:
            raise wrong(f"options.reachable_from[{index}]", f"Network '{name}' not found")
    newer = evolve(network, options=options)
    check_subnets(newer, context.cluster)
    holders = [
        router.name
        for router in context.cluster.routers.values()
        if set(gateways_of(newer)) & set(router.addresses_in(network.name))
    ]
    if options.node_gateway and holders:
        problem = f"options.node_gateway: router {holders[0]} has the gateway's address"
        raise OpPrereqError(problem, WRONG_STATE)


def check_subnets(network: Network, cluster: Configuration) -> None:
    """Raises OpPrereqError, which names the field; also for addresses that would be of none."""
    given = network.options.subnets
    if len(given) > MOST_SUBNETS:
        raise wrong("options.subnets", f"at most {MOST_SUBNETS} are possible")
    for index, each in enumerate(given):
        _check_subnet(each, f"options.subnets[{index}]")
    seen: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for subnet in subnets_of(network):
        cidr = ipaddress.ip_network(subnet.cidr, strict=False)
        if any(cidr.version == each.version and cidr.overlaps(each) for each in seen):
            raise wrong("options.subnets", f"{subnet.cidr} overlaps with another")
        seen.append(cidr)
    for address, users in cluster.addresses(network.name).items():
        if users and not any(ipaddress.ip_address(address) in each for each in seen):
            problem = f"options.subnets: {address} is in use by {users[0]}"
            raise OpPrereqError(problem, WRONG_STATE)


def _check_subnet(subnet: Subnet, where: str) -> None:
    version = check_cidr(subnet.cidr, f"{where}.cidr")
    cidr = ipaddress.ip_network(subnet.cidr, strict=False)
    if cidr.with_prefixlen != subnet.cidr:
        raise wrong(f"{where}.cidr", f"'{subnet.cidr}' has host bits")
    gateway = subnet.gateway
    if gateway is not None and check_ip(gateway, f"{where}.gateway", version) not in cidr:
        raise wrong(f"{where}.gateway", f"{gateway} is not in {subnet.cidr}")
    for index, each in enumerate(subnet.dns):
        check_ip(each, f"{where}.dns[{index}]", version)
    check_routes(subnet.host_routes, f"{where}.host_routes", (version,))


def check_routes(
    routes: tuple[HostRoute, ...], where: str, versions: tuple[int, ...] = (4, 6)
) -> None:
    """Raises OpPrereqError, which names the field."""
    for index, each in enumerate(routes):
        version = check_cidr(each.destination, f"{where}[{index}].destination")
        if version not in versions:
            raise wrong(f"{where}[{index}].destination", f"'{each.destination}' is not IPv4")
        if ipaddress.ip_network(each.destination, strict=False).with_prefixlen != each.destination:
            raise wrong(f"{where}[{index}].destination", f"'{each.destination}' has host bits")
        check_ip(each.gateway, f"{where}[{index}].gateway", version)


OPCODES = (
    opcode(
        "OP_NETWORK_SET_OPTIONS",
        set_options,
        (Field("options", object_kind(NetworkOptions), REQUIRED),),
    ),
)
