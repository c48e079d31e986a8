"""
What has to be done for NICs: their taps, and the routes that lead there; pure functions.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping

from ganetid.network.links import Link
from ganetid.network.names import bridge_mac, tap_prefix
from ganetid.network.plan import RULE_PRIORITY, bridge_of, mtu_of
from ganetid.network.state import Place

MAIN = "main"


def make_tap(place: Place, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines that make a tap and plug it in, or what is missing of that."""
    there = links.get(place.tap)
    lines: list[str] = []
    if there is None:
        many = " multi_queue" if place.port.queues > 1 else ""
        lines.append(f"tuntap add dev {place.tap} mode tap{many}")
        lines.append(f"link set dev {place.tap} addrgenmode {_tap_addrgenmode(place)}")
    if place.bridge is None and (there is None or there.mac != bridge_mac(place.tap)):
        lines.append(f"link set dev {place.tap} address {bridge_mac(place.tap)}")
    mtu = port_mtu(place)
    if mtu is not None and (there is None or there.mtu != mtu):
        lines.append(f"link set dev {place.tap} mtu {mtu}")
    if there is None or there.master != (place.bridge or None) or not there.is_up:
        master = f" master {place.bridge}" if place.bridge else " nomaster"
        lines.append(f"link set dev {place.tap}{master} up")
    return tuple(lines)


def _tap_addrgenmode(place: Place) -> str:
    """A routed tap is its guest's router, known by its link-local address in IPv6."""
    has_ipv6 = place.network is not None and bool(place.network.subnets6)
    return "eui64" if place.bridge is None and has_ipv6 else "none"


def port_mtu(place: Place) -> int | None:
    """The NIC's MTU, None for the usual one."""
    network = place.network
    if place.port.mtu is not None or network is None:
        return place.port.mtu
    return mtu_of(bridge_of(network))


def tap_routes(place: Place) -> tuple[str, ...]:
    """
    Lines for routes that lead to the tap and vanish with it; they may be said again.

    That of the NIC's identity makes the metadata service's answers go out of this very tap; there
    they bear the guest's own address already when the kernel looks for its neighbour.
    """
    lines: list[str] = []
    for address, identity in place.identities:
        lines.append(f"route replace {identity}/32 dev {place.tap} scope link")
        lines.append(
            f"neighbour replace {address} lladdr {place.port.mac} dev {place.tap} nud permanent"
        )
    public = [each.public for each in place.port.floating if each.private is None]
    if place.bridge is not None:
        over = public if place.bridge else []
        lines += [f"route replace {each}/32 dev {place.bridge} scope link" for each in over]
        return tuple(lines)
    for address in (*place.port.ips, *public):
        length = 128 if ":" in address else 32
        lines.append(f"route replace {address}/{length} dev {place.tap}")
        lines.append(
            f"neighbour replace {address} lladdr {place.port.mac} dev {place.tap} nud permanent"
        )
        table = routing_table(place)
        if table != MAIN and length == 32:
            lines.append(f"route replace {address}/32 dev {place.tap} table {table}")
    return tuple(lines)


def lost_routes(place: Place) -> tuple[str, ...]:
    """Routes to public addresses that lead over the bridge: they don't vanish with the tap."""
    if not place.bridge:
        return ()
    public = [each.public for each in place.port.floating if each.private is None]
    return tuple(f"route del {each}/32 dev {place.bridge}" for each in public)


def routing_table(place: Place) -> str:
    """
    The routing table that a routed NIC's link names: a number, or main.

    Any other name stands for a number of ours, since a node needs no list of such names.
    """
    link = place.port.link or (place.network.link if place.network else "")
    if link in {"", MAIN} or link.isdecimal():
        return link or MAIN
    return str(10_000 + zlib.crc32(link.encode("utf-8")) % 10_000)


def tap_rule(place: Place) -> str | None:
    """What ``ip rule add`` and ``del`` take for a routed NIC's table; None without one."""
    if place.bridge is not None or routing_table(place) == MAIN:
        return None
    return f"iif {place.tap} lookup {routing_table(place)} priority {RULE_PRIORITY + 1}"


def stray_taps(cluster: str, links: Collection[str], wanted: Collection[str]) -> tuple[str, ...]:
    """The cluster's taps that belong to no guest, sorted."""
    ours = (name for name in links if name.startswith(tap_prefix(cluster)))
    return tuple(sorted(name for name in ours if name not in wanted))
