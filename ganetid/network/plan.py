"""
What has to be done so that a node carries its networks: pure functions, plans as data.

A plan is lines for ``ip -batch`` (and ``bridge -batch``): empty when all is as it should be.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping

from attrs import evolve, field, frozen

from ganetid.network.links import Link
from ganetid.network.names import bridge_mac, bridge_name, tunnel_name
from ganetid.network.numbers import NETWORK_MASK, service_address
from ganetid.network.ports import NetworkPlan, SubnetPlan, Vxlan
from ganetid.network.state import NetworkState, has_gateway

FIRST_TABLE = 20_000  # of the routing tables of networks
RULE_PRIORITY = 900
VXLAN_OVERHEAD = 50


@frozen
class Bridge:
    """
    A bridge as it should be.  addresses: the gateways', such as 10.0.0.1/24, of both versions.
    """

    name: str
    addresses: tuple[str, ...] = ()
    mtu: int | None = None
    uplinks: tuple[str, ...] = ()
    vxlan: Vxlan | None = None
    networks: tuple[NetworkPlan, ...] = field(default=(), repr=False)


def bridges_of(state: NetworkState) -> tuple[Bridge, ...]:
    """
    All bridges that networks need.

    One without a gateway has the metadata service's address: Linux takes no packets from a route's
    other side on an interface without any.
    """
    found = (_bridge(name, networks) for name, networks in state.bridged().items())
    service = f"{service_address(state.cluster)}/32"
    return tuple(each if each.addresses else evolve(each, addresses=(service,)) for each in found)


def _bridge(name: str, networks: tuple[NetworkPlan, ...]) -> Bridge:
    addresses = [address for network in networks for address in gateway_addresses(network)]
    mtus = [network.mtu for network in networks if network.mtu is not None]
    overlay = next((network.vxlan for network in networks if network.vxlan), None)
    return Bridge(
        name,
        tuple(dict.fromkeys(addresses)),
        max(mtus, default=None),
        tuple(dict.fromkeys(network.uplink for network in networks if network.uplink)),
        overlay,
        networks,
    )


def bridge_of(network: NetworkPlan) -> Bridge:
    """The bridge that the network alone would need."""
    return _bridge(bridge_name(network.link), (network,))


def gateway_addresses(network: NetworkPlan) -> tuple[str, ...]:
    """What the node itself is called in the network."""
    found: list[SubnetPlan] = []
    if has_gateway(network):
        found += [*network.subnets4]
    if network.node_gateway and not network.mac_filtered:
        found += [*network.subnets6]
    return tuple(
        f"{each.gateway}/{ipaddress.ip_network(each.cidr).prefixlen}"
        for each in found
        if each.gateway
    )


def make_bridge(wanted: Bridge, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that make the bridge, or what is missing of it."""
    name, there = wanted.name, links.get(wanted.name)
    lines: list[str] = []
    if there is None:
        lines.append(
            f"link add name {name} address {bridge_mac(name)} type bridge stp_state 0"
            " forward_delay 0 mcast_snooping 0 nf_call_iptables 1 nf_call_ip6tables 1"
        )
        lines.append(f"link set dev {name} addrgenmode {_addrgenmode(wanted)}")
    elif not _filters_packets(there):
        lines.append(f"link set dev {name} type bridge nf_call_iptables 1 nf_call_ip6tables 1")
    mtu = mtu_of(wanted)
    if mtu is not None and (there is None or there.mtu != mtu):
        lines.append(f"link set dev {name} mtu {mtu}")
    if there is None or not there.is_up:
        lines.append(f"link set dev {name} up")
    known = frozenset() if there is None else there.addresses
    for address in wanted.addresses:
        if address not in known:
            nodad = " nodad" if ":" in address else ""
            lines.append(f"address add {address} dev {name}{nodad}")
    return (*lines, *_uplinks(wanted, links), *_tunnel(wanted, links))


def mtu_of(wanted: Bridge) -> int | None:
    """The bridge's MTU; over an overlay there is less room."""
    if wanted.mtu is None and wanted.vxlan is not None:
        return 1500 - VXLAN_OVERHEAD
    return wanted.mtu


def leftover_addresses(wanted: Bridge, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that take addresses from a bridge that are its networks' no more."""
    there = links.get(wanted.name)
    known = frozenset() if there is None else there.addresses
    return tuple(
        f"address del {address} dev {wanted.name}"
        for address in sorted(known - set(wanted.addresses))
        if not address.startswith("fe80:")
    )


def _addrgenmode(wanted: Bridge) -> str:
    """An address in IPv6 that nobody asked for would be one more way to the node."""
    return "eui64" if any(":" in each for each in wanted.addresses) else "none"


def _filters_packets(there: Link) -> bool:
    calls = ("nf_call_iptables", "nf_call_ip6tables")
    return all(there.settings.get(name, 1) for name in calls)


def _uplinks(wanted: Bridge, links: Mapping[str, Link]) -> Iterable[str]:
    for uplink in wanted.uplinks:
        there = links.get(uplink)
        if there is None or there.master != wanted.name or not there.is_up:
            yield f"link set dev {uplink} master {wanted.name} up"


def _tunnel(wanted: Bridge, links: Mapping[str, Link]) -> Iterable[str]:
    overlay = wanted.vxlan
    if overlay is None:
        return
    name = tunnel_name(overlay.vni)
    if name not in links:
        local = f" local {overlay.local}" if overlay.local else ""
        yield (f"link add name {name} type vxlan id {overlay.vni} dstport {overlay.port}{local}")
        yield f"link set dev {name} addrgenmode none"
    there = links.get(name)
    if there is None or there.master != wanted.name or not there.is_up:
        yield f"link set dev {name} master {wanted.name} up"


def flood_list(wanted: Vxlan, present: Collection[str]) -> tuple[str, ...]:
    """
    Lines for ``bridge -batch``: whom a frame goes to whose receiver's place is not known.

    present: addresses that it goes to now.
    """
    name, everyone = tunnel_name(wanted.vni), "00:00:00:00:00:00"
    return (
        *(
            f"fdb append {everyone} dev {name} dst {peer}"
            for peer in wanted.peers
            if peer not in present
        ),
        *(
            f"fdb del {everyone} dev {name} dst {peer}"
            for peer in present
            if peer not in wanted.peers
        ),
    )


def remove_link(name: str, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that remove an interface of ours, if it is there."""
    return (f"link delete dev {name}",) if name in links else ()


def remove_bridge(wanted: Bridge, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that remove a bridge and its overlay; an uplink stays, on no bridge."""
    lines = [f"link set dev {each} nomaster" for each in wanted.uplinks if each in links]
    if wanted.vxlan is not None:
        lines += remove_link(tunnel_name(wanted.vxlan.vni), links)
    return (*lines, *remove_link(wanted.name, links))


def network_routes(network: NetworkPlan, number: int) -> tuple[str, ...]:
    """
    Lines for the network's own routing table, in which its addresses are on its bridge.

    Two networks with the same addresses are told apart by the packets' marks (see `rules`).
    """
    if not has_gateway(network):
        return ()
    table = FIRST_TABLE + number
    return tuple(
        f"route replace {each.cidr} dev {bridge_name(network.link)} table {table}"
        for each in network.subnets4
    )


def network_rule(number: int) -> str:
    """What ``ip rule add`` and ``del`` take for the network's table."""
    mask = f"{number:#x}/{NETWORK_MASK:#x}"
    return f"fwmark {mask} lookup {FIRST_TABLE + number} priority {RULE_PRIORITY}"
