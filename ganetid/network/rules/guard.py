"""
The bridge table: what a guest may put on its wire, and what it sees of its bridge.

A port costs one look-up in a map, however many there are.  Its frames are marked with its number
and its network's, then with the receiver's (all ones: no NIC); the inet table goes on from there.
What guests ask the node itself (DHCP, router solicitations, ARP for the metadata service) is
answered on their tap and ends here.
Connections are not followed here: Linux can do so in bridges only with a module that not every
kernel has, so bridged packets go through the inet table (see `firewall`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from ganetid.network.names import (
    chain_suffix,
    table_name,
    tap_prefix,
    tunnel_name,
)
from ganetid.network.numbers import IDENTITIES, NETWORK_MASK, PORT_MASK, service_address
from ganetid.network.ports import NetworkPlan
from ganetid.network.qos import sending_rules
from ganetid.network.rules.ruleset import Chain, Elements, Table
from ganetid.network.state import METADATA, Cable, NetworkState, Place
from ganetid.network.vlan_notation import membership

CONTROL_FRAMES = "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop"

REMEMBERED = 4096
BRIDGED = f"meta mark & {NETWORK_MASK:#x} != 0 meta mark set meta mark | {PORT_MASK:#x}"
UNICAST = "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00"


def bridge_table(state: NetworkState) -> Table:
    """The whole table."""
    places = [place for place in state.placed() if place.bridge is not None]
    chains: dict[str, Chain] = {}
    senders: dict[str, str] = {}
    receivers: dict[str, str] = {}
    for place in places:
        sending, receiving = _chains(place, state.cluster)
        chains[f"from_{place.number}"] = sending
        chains[f"to_{place.number}"] = receiving
        senders[place.tap] = f"goto from_{place.number}"
        receivers[place.tap] = f"goto to_{place.number}"
    for uplink, chain in _uplinks(state):
        name = f"uplink_{chain_suffix(uplink)}"
        chains[name] = chain
        senders[uplink] = f"goto {name}"
    _cables(state, chains, senders, receivers)
    ours = f'iifname "{tap_prefix(state.cluster)}*" drop'
    chains["prerouting"] = Chain(
        (
            f"ip saddr {IDENTITIES} drop",
            f"ip daddr {IDENTITIES} drop",
            "iifname vmap @senders",
            ours,
        ),
        "type filter hook prerouting priority -300",
    )
    chains["forward"] = Chain(
        ("oifname vmap @receivers", ours.replace("iifname", "oifname"), BRIDGED),
        "type filter hook forward priority -200",
    )
    verdicts = "ifname : verdict"
    sets = {
        "senders": Elements("map", verdicts, elements=senders),
        "receivers": Elements("map", verdicts, elements=receivers),
    }
    return Table("bridge", table_name(state.cluster), chains, sets)


def _cables(
    state: NetworkState,
    chains: dict[str, Chain],
    senders: dict[str, str],
    receivers: dict[str, str],
) -> None:
    """Routers' places on bridges."""
    for cable in state.cables():
        sending, receiving = _cable_chains(cable)
        name = chain_suffix(cable.outer)
        chains[f"cable_{name}"], chains[f"router_{name}"] = sending, receiving
        senders[cable.outer] = f"goto cable_{name}"
        receivers[cable.outer] = f"goto router_{name}"


@lru_cache(maxsize=REMEMBERED)
def _chains(place: Place, cluster: str) -> tuple[Chain, Chain]:
    """Remembered, as of many NICs only one changes at a time."""
    return Chain(tuple(sender_rules(place, cluster))), Chain(tuple(receiver_rules(place)))


def sender_rules(place: Place, cluster: str) -> Iterable[str]:
    """What comes from a tap."""
    yield f"meta mark set {place.mark:#x}"
    yield CONTROL_FRAMES
    yield from sending_rules(place.port.qos)
    yield from _foreign_tags(place)
    if place.port.guarded:
        yield f"ether saddr != {_set(_macs(place))} drop"
    yield from server_roles()
    if place.network is not None and place.network.dhcp:
        yield from _asked_of_us()
    if place.identities:
        yield f"arp daddr ip {METADATA} drop"
    if place.port.guarded:
        yield from _own_addresses(place)
    yield from _to_metadata(place, cluster)
    yield "accept"


def receiver_rules(place: Place) -> Iterable[str]:
    """What goes to a tap over its bridge."""
    network = place.network
    is_filtered = network is not None and network.mac_filtered
    yield _strangers(place)
    if is_filtered and network is not None and network.mac_prefix:
        yield f"ether saddr != {place.node_mac} {_prefix_match(network.mac_prefix, '!=')} drop"
    yield from _foreign_tags(place)
    if place.port.guarded:
        yield f"{UNICAST} ether daddr != {_set(_macs(place))} drop"
    yield f"meta mark set {place.mark:#x} accept"


@lru_cache(maxsize=REMEMBERED)
def _cable_chains(cable: Cable) -> tuple[Chain, Chain]:
    """What comes from a router, and what goes to it over the bridge."""
    sending = (CONTROL_FRAMES, f"ether saddr != {cable.port.mac} drop",
               f"meta mark set {cable.segment} accept")  # fmt: skip
    return Chain(sending), Chain((_strangers(cable), f"{BRIDGED} accept"))


def _strangers(place: Place | Cable) -> str:
    """Drop what is of another network."""
    own = f"{{ {place.segment}, {place.zone} }}" if place.zone != place.segment else place.segment
    return f"meta mark & {NETWORK_MASK:#x} != 0 meta mark & {NETWORK_MASK:#x} != {own} drop"


def _foreign_tags(place: Place) -> Iterable[str]:
    """Frames with VLAN tags other than a trunk's own."""
    tags = membership(place.vlan).tagged if place.is_trunk else ()
    if tags:
        yield f"ether type 8021q vlan id != {_set(map(str, sorted(tags)))} drop"
    yield f"ether type {'8021ad' if tags else '{ 8021q, 8021ad }'} drop"


def _own_addresses(place: Place) -> Iterable[str]:
    port = place.port
    yield f"ether type arp arp saddr ether != {_set(_macs(place))} drop"
    others = "{ ip, ip6, arp, 8021q, 8021ad }" if place.is_trunk else "{ ip, ip6, arp }"
    yield f"ether type != {others} drop"
    if not port.ips and not port.pairs:
        return
    addresses4 = _collapsed(
        [*port.ips4, *(each.cidr for each in port.pairs), *_given_public(place)], 4
    )
    yield "arp operation { request, reply } arp saddr ip 0.0.0.0 accept"
    if addresses4:
        yield f"ether type arp arp saddr ip != {_set(addresses4)} drop"
        yield "ip saddr 0.0.0.0 udp dport 67 accept"
        yield f"ether type ip ip saddr != {_set(addresses4)} drop"
    else:
        yield "ether type { arp, ip } drop"
    yield from _own_addresses6(place)


def _own_addresses6(place: Place) -> Iterable[str]:
    addresses = _collapsed([*place.addresses6, *(each.cidr for each in place.port.pairs)], 6)
    neighbours = "icmpv6 type nd-neighbor-advert"
    for address in addresses:
        yield f"{neighbours} {_target_within(address)} ip6 saddr {_set(addresses)} accept"
    yield f"{neighbours} drop"
    yield (
        "ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld-listener-query,"
        " mld-listener-report, mld2-listener-report } accept"
    )
    yield f"ether type ip6 ip6 saddr != {_set(addresses)} drop"


def _target_within(prefix: str) -> str:
    """Match the target of a neighbour advertisement: bytes 8 to 23 of the message."""
    network = ipaddress.IPv6Network(prefix)
    if network.prefixlen == 128:
        return f"@th,64,128 {int(network.network_address):#x}"
    mask = int(network.netmask)
    return f"@th,64,128 & {mask:#x} == {int(network.network_address):#x}"


def server_roles() -> Iterable[str]:
    """Guests are neither DHCP servers nor routers."""
    yield "udp sport 67 drop"
    yield "udp sport 547 drop"
    yield "icmpv6 type { nd-router-advert, nd-redirect } drop"


def _asked_of_us() -> Iterable[str]:
    """Questions that are answered on the tap: nobody else needs to hear them."""
    yield "udp dport 67 drop"
    yield "udp dport 547 drop"
    yield "icmpv6 type nd-router-solicit drop"


def _to_metadata(place: Place, cluster: str) -> Iterable[str]:
    """Requests go to the node itself, from the NIC's identity."""
    service = service_address(cluster)
    for address, identity in place.identities:
        yield (
            f"ip saddr {address} ip daddr {METADATA} tcp dport 80 ip saddr set {identity}"
            f" ip daddr set {service} ether daddr set {place.node_mac} meta pkttype set host accept"
        )
    if place.identities:
        yield f"ip daddr {METADATA} drop"


def _uplinks(state: NetworkState) -> Iterable[tuple[str, Chain]]:
    """What comes over a bridge's uplink or overlay belongs to the bridge's network."""
    for networks in state.bridged().values():
        ports = [each.uplink for each in networks if each.uplink]
        ports += [tunnel_name(each.vxlan.vni) for each in networks if each.vxlan]
        for uplink in dict.fromkeys(ports):
            yield uplink, Chain((*(_marked(state, networks)), "accept"))


def _marked(state: NetworkState, networks: Iterable[NetworkPlan]) -> Iterable[str]:
    for network in networks:
        if network.mac_filtered and network.mac_prefix:
            number = state.numbers[network.name]
            yield f"{_prefix_match(network.mac_prefix, '==')} meta mark set {number} accept"
        else:
            yield f"meta mark set {state.numbers[f'link:{network.link}']}"


def _prefix_match(prefix: str, operator: str) -> str:
    """Match senders whose MAC address begins so; three bytes as ``aa:00:01``."""
    ones = ":".join("ff" for _ in prefix.split(":"))
    rest = ":00" * (6 - len(prefix.split(":")))
    return f"ether saddr & {ones}{rest} {operator} {prefix}{rest}"


def _given_public(place: Place) -> list[str]:
    """Public addresses that the guest itself has."""
    return [each.public for each in place.port.floating if each.private is None]


def _macs(place: Place) -> list[str]:
    others = [each.mac for each in place.port.pairs if each.mac]
    return list(dict.fromkeys([place.port.mac, *others]))


def _collapsed(cidrs: Iterable[str], version: int) -> list[str]:
    """The addresses of one version as nft takes them: no two overlap."""
    networks = (ipaddress.ip_network(each, strict=False) for each in cidrs)
    ours = [each for each in networks if each.version == version]
    joined = ipaddress.collapse_addresses(ours)  # type: ignore[type-var]
    return [spelt_network(each) for each in joined]


def spelt_network(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """
    As the kernel tells it: a single address has no prefix length.

    Raises ValueError for one with a zone, which could be any text.
    """
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.scope_id is not None:
        raise ValueError(f"{network} has a zone")
    is_single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if is_single else str(network)


def _set(values: Iterable[str]) -> str:
    return "{ " + ", ".join(values) + " }"
