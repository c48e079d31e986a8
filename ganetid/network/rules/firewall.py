"""
The inet table: connections followed, filtered and translated, and tenants kept apart.

Bridged packets come here too (the kernel's br_netfilter, which our bridges turn on for themselves);
their marks tell the NIC (see `guard`).  Every network has its own zone of connections, so that two
tenants' equal addresses don't mix.  What leaves a network through the node has the zone in its
first direction only, since answers come back from where nobody knows of zones.  Connections of a
NIC with a public address have the zone in both: the public address tells it from outside.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from attrs import field, frozen

from ganetid.network.names import bridge_name, table_name
from ganetid.network.numbers import PORT_SHIFT, service_address
from ganetid.network.ports import ROUTED, PortForward
from ganetid.network.qos import sending_rules
from ganetid.network.rules.base import base_chains
from ganetid.network.rules.filters import (
    inward_chain,
    is_filtered_inwards,
    is_filtered_outwards,
    outward_chain,
)
from ganetid.network.rules.forwards import KEY, forwards_map, inner_key, outer_key
from ganetid.network.rules.groups import group_part
from ganetid.network.rules.guard import server_roles, spelt_network
from ganetid.network.rules.ruleset import Chain, Elements, Table
from ganetid.network.state import METADATA, NetworkState, Place, has_gateway


@frozen
class _Draft:
    """The table in the making."""

    chains: dict[str, Chain] = field(factory=dict)
    sets: dict[str, Elements] = field(factory=dict)

    def fill(
        self, name: str, kind: str, type_: str, elements: dict[str, str], flags: str = ""
    ) -> None:
        self.sets[name] = Elements(kind, type_, flags, elements)


def inet_table(state: NetworkState) -> Table:
    """The whole table."""
    places = state.placed()
    draft = _Draft()
    _interfaces(draft, state, places)
    _zones(draft, state, places)
    _filters(draft, places)
    _floating(draft, state, places)
    shared = group_part(state)
    draft.chains.update(shared.chains)
    draft.sets.update(shared.sets)
    _routed_senders(draft, state, places)
    _homes(draft, places)
    draft.chains.update(base_chains(state.cluster))
    return Table("inet", table_name(state.cluster), draft.chains, draft.sets)


def _interfaces(draft: _Draft, state: NetworkState, places: tuple[Place, ...]) -> None:
    bridges = dict.fromkeys([*state.bridged(), *(place.bridge for place in places if place.bridge)])
    taps = [place.tap for place in places if place.bridge is None]
    opened = [
        name
        for name, networks in state.bridged().items()
        if any(each.open_inwards for each in networks)
    ]
    closed = [name for name in bridges if name not in opened]
    names = "ifname"
    draft.fill("inner", "set", names, dict.fromkeys([*bridges, *taps], ""))
    draft.fill("open", "set", names, dict.fromkeys([*opened, *taps], ""))
    draft.fill("closed", "set", names, dict.fromkeys(closed, ""))
    draft.fill("same", "set", "ifname . ifname", {f"{name} . {name}": "" for name in bridges})
    draft.fill("routers", "set", "ifname . ifname", dict.fromkeys(_routers(state), ""))


def _routers(state: NetworkState) -> Iterable[str]:
    for network in state.networks.values():
        for other in network.routers:
            origin = state.networks.get(other)
            if origin is not None and ROUTED not in {origin.mode, network.mode}:
                yield f"{bridge_name(origin.link)} . {bridge_name(network.link)}"


def _zones(draft: _Draft, state: NetworkState, places: tuple[Place, ...]) -> None:
    """Of each segment; those of NICs without a network are their link's."""
    zones: dict[int, tuple[int, str]] = {}
    for network in state.networks.values():
        if network.mode == ROUTED:
            continue
        link, bridge = state.numbers[f"link:{network.link}"], bridge_name(network.link)
        own = state.numbers[network.name]
        zones[own] = (own if network.mac_filtered else link, bridge)
        zones.setdefault(link, (link, bridge))
    for place in places:
        if place.bridge is not None:
            zones.setdefault(place.segment, (place.zone, place.bridge))
    translated, forwarded = _translated(places), _forwarded(places)
    for segment, (zone, bridge) in zones.items():
        both = f"ct zone set {zone} accept"
        known = [f"ip saddr {private} {both}" for _, private in translated.get(segment, ())]
        known += [
            f"ip saddr {each.private} {each.protocol} sport {each.private_port} {both}"
            for each in forwarded.get(segment, ())
        ]
        outwards = f"ether daddr {state.mac(bridge)} ct original zone set {zone} accept"
        draft.chains[f"zone_{segment}"] = Chain((*known, outwards, both))
        draft.chains[f"both_{segment}"] = Chain((both,))
    public = {
        address: f"goto both_{segment}"
        for segment, pairs in translated.items()
        for address, _ in pairs
        if segment in zones
    }
    draft.fill("public_zones", "map", "ipv4_addr : verdict", public)
    ports = {
        outer_key(each): f"goto both_{segment}"
        for segment, forwards in forwarded.items()
        for each in forwards
        if segment in zones
    }
    draft.fill("forward_zones", "map", f"{KEY} : verdict", ports)
    verdicts = {str(segment): f"goto zone_{segment}" for segment in zones}
    draft.fill("zones", "map", "mark : verdict", verdicts)


def _translated(places: tuple[Place, ...]) -> dict[int, list[tuple[str, str]]]:
    """(public, private) addresses by segment."""
    found: dict[int, list[tuple[str, str]]] = {}
    for place in places:
        for each in place.port.floating:
            if each.private is not None:
                found.setdefault(place.segment, []).append((each.public, each.private))
    return found


def _forwarded(places: tuple[Place, ...]) -> dict[int, list[PortForward]]:
    """By segment."""
    found: dict[int, list[PortForward]] = {}
    for place in places:
        found.setdefault(place.segment, []).extend(place.port.forwards)
    return found


def _filters(draft: _Draft, places: tuple[Place, ...]) -> None:
    outwards: dict[str, str] = {}
    inwards: dict[str, str] = {}
    routed: dict[str, str] = {}
    by_address: dict[str, dict[str, str]] = {"4": {}, "6": {}}
    for place in places:
        key = str(place.number << PORT_SHIFT)
        if is_filtered_outwards(place.port):
            draft.chains[f"out_{place.number}"] = outward_chain(place.port)
            outwards[key] = f"goto out_{place.number}"
        inwards[key] = "accept"
        if is_filtered_inwards(place.port):
            verdict = f"goto in_{place.number}"
            draft.chains[f"in_{place.number}"] = inward_chain(place.port)
            inwards[key] = verdict
            if place.bridge is None:
                routed[place.tap] = verdict
                continue
            for address in _reached_at(place):
                by_address["6" if ":" in address else "4"].setdefault(
                    f"{place.bridge} . {address}", verdict
                )
    draft.fill("outwards", "map", "mark : verdict", outwards)
    draft.fill("inwards", "map", "mark : verdict", inwards)
    draft.fill("inwards_routed", "map", "ifname : verdict", routed)
    draft.fill("inwards4", "map", "ifname . ipv4_addr : verdict", by_address["4"])
    draft.fill("inwards6", "map", "ifname . ipv6_addr : verdict", by_address["6"])


def _reached_at(place: Place) -> list[str]:
    public = [each.public for each in place.port.floating if each.private is None]
    return [*place.port.ips4, *public, *place.addresses6]


def _floating(draft: _Draft, state: NetworkState, places: tuple[Place, ...]) -> None:
    """Public addresses, and the networks that leave under the node's own."""
    there: dict[str, str] = {}
    networks: dict[str, str] = {}
    back: dict[str, str] = {}
    for place in places:
        for each in place.port.floating:
            if each.private is None:
                continue
            there[each.public] = each.private
            networks[each.public] = str(place.segment)
            back.setdefault(f"{place.segment} . {each.private}", each.public)
    _forwards(draft, places)
    masqueraded = {
        str(state.numbers[network.name]): ""
        for network in state.networks.values()
        if network.masquerade and has_gateway(network)
    }
    draft.fill("floating", "map", "ipv4_addr : ipv4_addr", there)
    draft.fill("floating_networks", "map", "ipv4_addr : mark", networks)
    draft.fill("floating_back", "map", "mark . ipv4_addr : ipv4_addr", back)
    draft.fill("masqueraded", "set", "mark", masqueraded)


def _forwards(draft: _Draft, places: tuple[Place, ...]) -> None:
    """
    Single ports of public addresses.

    A guest that calls from such a port is seen under the public one, as answers come there.
    """
    networks: dict[str, str] = {}
    back: dict[str, str] = {}
    for segment, forwards in _forwarded(places).items():
        for each in forwards:
            networks[outer_key(each)] = str(segment)
            back.setdefault(f"{segment} . {inner_key(each)}", f"{each.public} . {each.port}")
    draft.sets["forwards"] = forwards_map(each for place in places for each in place.port.forwards)
    draft.fill("forward_networks", "map", f"{KEY} : mark", networks)
    draft.fill("forwards_back", "map", f"mark . {KEY} : ipv4_addr . inet_service", back)


def _routed_senders(draft: _Draft, state: NetworkState, places: tuple[Place, ...]) -> None:
    """Taps that are on no bridge: their guests' addresses are guarded here."""
    senders: dict[str, str] = {}
    for place in places:
        if place.bridge is None:
            draft.chains[f"routed_{place.number}"] = Chain(tuple(_routed_rules(place, state)))
            senders[place.tap] = f"goto routed_{place.number}"
    draft.fill("routed_senders", "map", "ifname : verdict", senders)


def _routed_rules(place: Place, state: NetworkState) -> Iterable[str]:
    port = place.port
    yield f"meta mark set {place.mark:#x}"
    yield from sending_rules(port.qos)
    yield from server_roles()
    if port.guarded:
        cidrs = [*port.ips, *(pair.cidr for pair in port.pairs), *_reached_at(place)]
        for version, family in ((4, "ip"), (6, "ip6")):
            networks = (ipaddress.ip_network(each, strict=False) for each in cidrs)
            ours = [each for each in networks if each.version == version]
            listed = ", ".join(spelt_network(each) for each in ipaddress.collapse_addresses(ours))  # type: ignore[type-var]
            yield (
                f"{family} saddr != {{ {listed} }} drop"
                if listed
                else f"meta nfproto ipv{version} drop"
            )
    for address, identity in place.identities:
        yield (
            f"ip saddr {address} ip daddr {METADATA} tcp dport 80 ip saddr set {identity}"
            f" ip daddr set {service_address(state.cluster)} accept"
        )
    yield "accept"


def _homes(draft: _Draft, places: tuple[Place, ...]) -> None:
    """Answers of the metadata service go to the guest's own address."""
    homes = {identity: address for place in places for address, identity in place.identities}
    draft.fill("homes", "map", "ipv4_addr : ipv4_addr", homes)
