"""
What has to be done so that a node carries a network or a NIC: pure functions, plans as data.

A plan is lines for ``ip -batch``.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Mapping

from attrs import field, frozen

from ganetid.network.ports import NetworkPlan


@frozen
class Link:
    """A network interface of this node, as it is now."""

    name: str
    kind: str = ""
    is_up: bool = False
    addresses: frozenset[str] = field(factory=frozenset)


@frozen
class Bridge:
    """A bridge as it should be; `address` is the gateway's, such as 10.0.0.1/24."""

    name: str
    address: str | None
    subnet: str


def bridge_of(network: NetworkPlan) -> Bridge:
    """The network's bridge on this node."""
    address = None
    if network.gateway is not None and network.subnet is not None:
        address = f"{network.gateway}/{ipaddress.IPv4Network(network.subnet).prefixlen}"
    return Bridge(network.link, address, network.subnet or "")


def bridge_mac(name: str) -> str:
    """
    The bridge's own MAC address, locally administered.

    Without one of its own a bridge takes its smallest port's, and the gateway's address in the
    guests' ARP tables would go stale whenever a guest comes or goes.
    """
    digest = hashlib.sha256(name.encode("ascii")).digest()
    return "02:" + ":".join(f"{byte:02x}" for byte in digest[:5])


def make_bridge(wanted: Bridge, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that make the bridge, or what is missing of it."""
    there = links.get(wanted.name)
    lines: list[str] = []
    if there is None:
        lines.append(
            f"link add name {wanted.name} address {bridge_mac(wanted.name)}"
            " type bridge stp_state 0 forward_delay 0"
        )
    if wanted.address is not None and (there is None or wanted.address not in there.addresses):
        lines.append(f"address add {wanted.address} dev {wanted.name}")
    if there is None or not there.is_up:
        lines.append(f"link set dev {wanted.name} up")
    return tuple(lines)


def remove_link(name: str, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that remove a bridge or tap, if it is there."""
    return (f"link delete dev {name}",) if name in links else ()


def tap_prefix(cluster: str) -> str:
    """How the names of a cluster's taps begin: another cluster on this machine has others."""
    return f"gt{hashlib.sha256(cluster.encode('utf-8')).hexdigest()[:4]}"


def tap_name(cluster: str, uuid: str) -> str:
    """The tap of the NIC with this UUID: the same after every restart, at most 15 characters."""
    digest = hashlib.sha256(uuid.encode("ascii")).hexdigest()
    return f"{tap_prefix(cluster)}{digest[:9]}"


def make_tap(name: str, bridge: str) -> tuple[str, ...]:
    """Lines that make a tap and plug it into a bridge."""
    return (
        f"tuntap add dev {name} mode tap",
        f"link set dev {name} master {bridge} up",
    )


def stray_taps(cluster: str, links: Collection[str], wanted: Collection[str]) -> tuple[str, ...]:
    """The cluster's taps that belong to no guest, sorted."""
    return tuple(
        sorted(
            name for name in links if name.startswith(tap_prefix(cluster)) and name not in wanted
        )
    )
