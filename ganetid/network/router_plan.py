"""
What has to be done so that a router is as it should be: pure functions, plans as data.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping

from ganetid.network.links import Link
from ganetid.network.plan import bridge_of, mtu_of
from ganetid.network.ports import RouterPlan, RouterPort
from ganetid.network.state import Cable

USUAL_MTU = 1500
# It answers for its own addresses alone, and tells nobody of shorter ways.
KERNEL: Mapping[str, str] = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/all/arp_announce": "2",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/all/forwarding": "1",
}


def lay_cable(
    cable: Cable, namespace: str, links: Mapping[str, Link], inside: Mapping[str, Link]
) -> tuple[str, ...]:
    """Lines for the node that make a cable, or what is missing of it.  inside: the router's."""
    there = links.get(cable.outer)
    end = inside.get(cable.inner)
    lines: list[str] = []
    if there is None or end is None or end.mac != cable.port.mac:
        if there is not None:
            lines.append(f"link delete dev {cable.outer}")
        lines.append(
            f"link add name {cable.outer} type veth peer name {cable.inner}"
            f" address {cable.port.mac} netns {namespace}"
        )
        lines.append(f"link set dev {cable.outer} addrgenmode none")
        there = None
    mtu = cable_mtu(cable)
    if there is None or there.mtu != mtu:
        lines.append(f"link set dev {cable.outer} mtu {mtu}")
    if there is None or there.master != cable.bridge or not there.is_up:
        lines.append(f"link set dev {cable.outer} master {cable.bridge} up")
    return tuple(lines)


def cable_mtu(cable: Cable) -> int:
    """The network's MTU."""
    return mtu_of(bridge_of(cable.network)) or USUAL_MTU


def end_cable(cable: Cable, public: Iterable[str], inside: Mapping[str, Link]) -> tuple[str, ...]:
    """
    Lines for the router's own end.  public: addresses that it answers for beside its own.

    inside: what was there before the cable was laid.
    """
    there = inside.get(cable.inner)
    if there is not None and there.mac != cable.port.mac:
        there = None
    wanted = (*cable.port.addresses, *(f"{each}/32" for each in public))
    mtu = cable_mtu(cable)
    lines: list[str] = []
    if there is None:
        kind = "eui64" if any(":" in each for each in wanted) else "none"
        lines.append(f"link set dev {cable.inner} addrgenmode {kind}")
    if there is None or there.mtu != mtu or not there.is_up:
        lines.append(f"link set dev {cable.inner} mtu {mtu} up")
    known = frozenset() if there is None else there.addresses
    lines += [
        f"address del {each} dev {cable.inner}"
        for each in sorted(known - set(wanted))
        if not each.startswith("fe80:")
    ]
    lines += [
        f"address add {each} dev {cable.inner}{' nodad' if ':' in each else ''}"
        for each in wanted
        if each not in known
    ]
    return tuple(lines)


def strays(inside: Mapping[str, Link], cables: Iterable[Cable]) -> tuple[str, ...]:
    """Lines that remove a router's interfaces in networks that it has left."""
    wanted = {cable.inner for cable in cables} | {"lo"}
    return tuple(f"link delete dev {name}" for name in inside if name not in wanted)


def routes_of(router: RouterPlan, cables: Iterable[Cable]) -> tuple[str, ...]:
    """Its routes as ``ip route`` takes them, as far as the next router is within reach."""
    ways = [*(("default", each) for each in router.gateways), *router.routes]
    near = [each.port for each in cables]
    return tuple(f"{to} via {gateway}" for to, gateway in ways if is_near(gateway, near))


def is_near(gateway: str, ports: Iterable[RouterPort]) -> bool:
    """Whether an address is in a network of one of these interfaces."""
    address = ipaddress.ip_address(gateway)
    return any(
        address in ipaddress.ip_interface(each).network for port in ports for each in port.addresses
    )


def change_routes(wanted: Collection[str], present: Collection[str]) -> tuple[str, ...]:
    """Lines that lead from the routes that are there to those that should be."""
    gone = [f"route del {each} proto static" for each in present if each not in wanted]
    return (
        *gone,
        *(f"route replace {each} proto static" for each in wanted if each not in present),
    )


def check_near(router: RouterPlan) -> None:
    """Raises ValueError for a route by a router that is in no network of this one."""
    for destination, gateway in router.routes:
        if not is_near(gateway, router.all_ports):
            raise ValueError(f"no way to {gateway}, by which {destination} is to be reached")
