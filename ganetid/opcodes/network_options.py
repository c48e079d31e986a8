"""
OP_NETWORK_SET_OPTIONS: how a network is carried, beyond Ganeti's parameters.
"""

from __future__ import annotations

import ipaddress
import re

from ganetid.cluster.model import Network, PutNetwork
from ganetid.cluster.wiring import HostRoute, NetworkOptions
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.errors import WRONG_STATE, OpPrereqError
from ganetid.opcodes.network_port import MTUS, check_cidr
from ganetid.opcodes.networks import carry, found, next_version, opcode
from ganetid.opcodes.typed_body import changed_value, check_ip, object_kind, wrong

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
    holders = [
        router.name
        for router in context.cluster.routers.values()
        if {network.gateway, network.gateway6} & set(router.addresses_in(network.name)) - {None}
    ]
    if options.node_gateway and holders:
        problem = f"options.node_gateway: router {holders[0]} has the gateway's address"
        raise OpPrereqError(problem, WRONG_STATE)


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
