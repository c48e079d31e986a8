"""
/2/networks and what is below it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network
from ganetid.rapi.api import Api, Verb, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault


def shown(network: Network, cluster: Configuration) -> dict[str, Any]:
    """The network with Ganeti's NET_FIELDS."""
    subnet = ipaddress.IPv4Network(network.subnet)
    edges = {str(subnet.network_address), str(subnet.broadcast_address)}
    external = edges | set(network.reserved) | ({network.gateway} if network.gateway else set())
    taken = external | set(cluster.addresses(network.name))
    return {
        "name": network.name,
        "network": network.subnet,
        "gateway": network.gateway,
        "network6": network.network6,
        "gateway6": network.gateway6,
        "mac_prefix": network.mac_prefix,
        "free_count": subnet.num_addresses - len(taken),
        "reserved_count": len(taken),
        "map": _map(subnet, taken),
        "group_list": [[each.group, each.mode, each.link, each.vlan] for each in
                       network.connections],
        "inst_list": cluster.instances_in(network.name),
        "external_reservations": ", ".join(sorted(external, key=ipaddress.IPv4Address)),
        "ctime": network.ctime,
        "mtime": network.mtime,
        "uuid": network.uuid,
        "serial_no": network.serial_no,
        "tags": list(network.tags),
    }  # fmt: skip


def _map(subnet: ipaddress.IPv4Network, taken: set[str]) -> str:
    """One character an address: X taken, a dot free."""
    characters = bytearray(b"." * subnet.num_addresses)
    first = int(subnet.network_address)
    for address in taken:
        characters[int(ipaddress.IPv4Address(address)) - first] = ord("X")
    return characters.decode("ascii")


def _list(api: Api, call: Call) -> Any:
    names = sorted(api.cluster.networks)
    if not call.flag("bulk"):
        return [{"name": name, "uri": f"/2/networks/{name}"} for name in names]
    return [shown(api.cluster.networks[name], api.cluster) for name in names]


def _show(api: Api, call: Call) -> Any:
    network = api.cluster.networks.get(call.items[0])
    if network is None:
        raise Fault(404)
    return shown(network, api.cluster)


def _added(call: Call) -> Mapping[str, Any]:
    return {"dry_run": call.flag("dry-run")}


def _named(call: Call) -> Mapping[str, Any]:
    return {"network_name": call.items[0], "dry_run": call.flag("dry-run")}


NAME = "/2/networks/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/networks": {"GET": reads(_list), "POST": submits("OP_NETWORK_ADD", _added)},
    NAME: {"GET": reads(_show), "DELETE": submits("OP_NETWORK_REMOVE", _named)},
    f"{NAME}/connect": {"PUT": submits("OP_NETWORK_CONNECT", _named)},
    f"{NAME}/disconnect": {"PUT": submits("OP_NETWORK_DISCONNECT", _named)},
}
