"""
/2/networks and what is below it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network
from ganetid.opcodes.errors import WRONG_INPUT, BadParameters
from ganetid.opcodes.networks import external, in_order, taken
from ganetid.rapi.api import Api, Verb, if_dry, of_item, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.collections import listed
from ganetid.rapi.faults import Fault


def shown(network: Network, cluster: Configuration) -> dict[str, Any]:
    """The network with Ganeti's NET_FIELDS."""
    subnet = None if network.subnet is None else ipaddress.IPv4Network(network.subnet)
    used = taken(network, cluster)
    return {
        "name": network.name,
        "network": network.subnet,
        "gateway": network.gateway,
        "network6": network.network6,
        "gateway6": network.gateway6,
        "mac_prefix": network.mac_prefix,
        "free_count": None if subnet is None else subnet.num_addresses - len(used),
        "reserved_count": len(used),
        "map": "" if subnet is None else _map(subnet, used),
        "group_list": [
            [each.group, each.mode, each.link, each.vlan] for each in network.connections
        ],
        "inst_list": cluster.instances_in(network.name),
        "external_reservations": ", ".join(in_order(external(network))),
        "ctime": network.ctime,
        "mtime": network.mtime,
        "uuid": network.uuid,
        "serial_no": network.serial_no,
        "tags": list(network.tags),
    }


def _map(subnet: ipaddress.IPv4Network, used: set[str]) -> str:
    """One character an address: X taken, a dot free."""
    characters = bytearray(b"." * subnet.num_addresses)
    first = int(subnet.network_address)
    for address in used:
        characters[int(ipaddress.IPv4Address(address)) - first] = ord("X")
    return characters.decode("ascii")


def _list(api: Api, call: Call) -> Any:
    networks = api.cluster.networks
    return listed(networks, call, "/2/networks", "name", lambda each: shown(each, api.cluster))


def _show(api: Api, call: Call) -> Any:
    network = api.cluster.networks.get(call.items[0])
    if network is None:
        raise Fault(404)
    return shown(network, api.cluster)


def _added(call: Call) -> Mapping[str, Any]:
    """Only one of IPv6 alone or with options may be without IPv4, and these Ganeti has not."""
    body = call.body
    ways = ("network", "network6", "options")
    if isinstance(body, dict) and all(body.get(each) is None for each in ways):
        words = "Parameter 'OP_NETWORK_ADD.network' fails validation"
        raise BadParameters(str((words, WRONG_INPUT)))
    return if_dry(call)


NAMED = of_item("network_name")
NAME = "/2/networks/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/networks": {"GET": reads(_list), "POST": submits("OP_NETWORK_ADD", _added)},
    NAME: {"GET": reads(_show), "DELETE": submits("OP_NETWORK_REMOVE", NAMED)},
    f"{NAME}/connect": {"PUT": submits("OP_NETWORK_CONNECT", NAMED)},
    f"{NAME}/disconnect": {"PUT": submits("OP_NETWORK_DISCONNECT", NAMED)},
    f"{NAME}/modify": {"PUT": submits("OP_NETWORK_SET_PARAMS", of_item("network_name", dry=False))},
    f"{NAME}/rename": {"PUT": submits("OP_NETWORK_RENAME", NAMED)},
}
