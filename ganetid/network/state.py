"""
All that a node's network should be at one moment, as a value.

Links and packet rules are pure functions of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from attrs import evolve, field, frozen

from ganetid.network.names import (
    bridge_mac,
    bridge_name,
    cable_name,
    gateway_mac,
    router_end,
    tap_name,
)
from ganetid.network.numbers import LAST_NETWORK, LAST_PORT, identity, mark, numbered
from ganetid.network.ports import (
    ROUTED,
    GroupPlan,
    NetworkPlan,
    Plugged,
    PortPlan,
    RouterPlan,
    RouterPort,
)

METADATA = "169.254.169.254"


@frozen(cache_hash=True)
class Place:
    """
    A NIC with all that follows from its network.

    number, segment, zone: the NIC's, its network's, and that of its connections' addresses: NICs of
    different segments don't see each other, and addresses may repeat in different zones.
    bridge: None when routed, "" while its network is not carried: then it can't send.
    node_mac: by which the guest reaches the node.
    """

    tap: str
    number: int
    port: PortPlan
    network: NetworkPlan | None
    segment: int
    zone: int
    bridge: str | None
    node_mac: str
    has_metadata: bool

    @property
    def mark(self) -> int:
        """Of the packets that it sends, and that it gets over its bridge."""
        return mark(self.number, self.segment)

    @property
    def is_trunk(self) -> bool:
        """Whether its frames bear VLAN tags."""
        return ":" in self.vlan

    @property
    def vlan(self) -> str:
        """The NIC's own VLAN, else its network's."""
        return self.port.vlan or (self.network.vlan if self.network else "")

    @property
    def router_mac(self) -> str:
        """By which the guest leaves its network: the node's, or that of who has the gateway."""
        network = self.network
        if network is None or network.node_gateway:
            return self.node_mac
        return gateway_mac(network.name, network.mac_prefix)

    @property
    def identities(self) -> tuple[tuple[str, str], ...]:
        """(address of the guest, what the metadata service sees instead)."""
        if not self.has_metadata:
            return ()
        return tuple(
            (address, identity(self.number, index))
            for index, address in enumerate(self.port.ips4[:255])
        )

    @property
    def addresses6(self) -> tuple[str, ...]:
        """Its IPv6 addresses: those it was given, and those it makes of its MAC address."""
        own = [*self.port.ips6, link_local(self.port.mac)]
        if self.network is not None:
            own += [
                autoconfigured(each.cidr, self.port.mac)
                for each in self.network.subnets6
                if not each.managed
            ]
        return tuple(dict.fromkeys(own))


@frozen
class Cable:
    """
    What joins a router to a network: `outer` is a port of `bridge`, `inner` is the router's.

    segment, zone: of the network, as in Place.
    """

    outer: str
    inner: str
    bridge: str
    port: RouterPort
    network: NetworkPlan
    segment: int
    zone: int


@frozen
class NetworkState:
    """
    What is carried and plugged.

    numbers: of networks by name, and of links by ``link:`` and name.
    macs: of bridges that somebody else has made, by name.
    """

    cluster: str
    networks: Mapping[str, NetworkPlan] = field(factory=dict)
    numbers: Mapping[str, int] = field(factory=dict)
    plugged: Mapping[str, Plugged] = field(factory=dict)
    groups: Mapping[str, GroupPlan] = field(factory=dict)
    routers: Mapping[str, RouterPlan] = field(factory=dict)
    macs: Mapping[str, str] = field(factory=dict)

    def mac(self, name: str) -> str:
        """The MAC address of a bridge or tap of the node."""
        return self.macs.get(name) or bridge_mac(name)

    def with_networks(self, networks: Mapping[str, NetworkPlan]) -> NetworkState:
        """The same, but these networks.  Raises NoNumberLeft."""
        return evolve(self, networks=dict(networks))._numbered()

    def with_plugged(self, plugged: Plugged) -> NetworkState:
        """The same, but these NICs of the instance; they get numbers.  Raises NoNumberLeft."""
        others = {name: each for name, each in self.plugged.items() if name != plugged.instance}
        taken = {number for each in others.values() for number in each.numbers.values()}
        wanted = [port.uuid for port in plugged.ports]
        numbers = numbered(self.cluster, plugged.numbers, wanted, taken, LAST_PORT)
        now = {**others, plugged.instance: evolve(plugged, numbers=numbers)}
        return evolve(self, plugged=now)._numbered()

    def without(self, instance: str) -> NetworkState:
        """The same, but nothing plugged of the instance."""
        left = {name: each for name, each in self.plugged.items() if name != instance}
        return evolve(self, plugged=left)._numbered()

    def placed(self) -> tuple[Place, ...]:
        """Every NIC whose network is carried."""
        return tuple(place for place in self.places() if place.bridge != "")

    def check_carried(self, ports: tuple[PortPlan, ...]) -> None:
        """Raises ValueError for a NIC of a network that is not carried."""
        for port in ports:
            if not link_of(port, self.networks.get(port.network or "")):
                raise ValueError(f"network {port.network} is not carried on this node")

    def places(self) -> tuple[Place, ...]:
        """Every NIC."""
        return tuple(
            self.place(port, each) for each in self.plugged.values() for port in each.ports
        )

    def place(self, port: PortPlan, plugged: Plugged) -> Place:
        """One NIC."""
        network = self.networks.get(port.network or "")
        link = link_of(port, network)
        zone = self.numbers[f"link:{link}"]
        segment = self.numbers.get(port.network or "", zone) if network else zone
        mode = port.mode if port.link or network is None else network.mode
        is_routed = mode == ROUTED and link != ""
        bridge = None if is_routed else bridge_name(link)
        tap = tap_name(self.cluster, port.uuid)
        return Place(
            tap=tap,
            number=plugged.numbers[port.uuid],
            port=port,
            network=network,
            segment=segment,
            zone=segment if network is not None and network.mac_filtered else zone,
            bridge=bridge,
            node_mac=self.mac(bridge or tap),
            has_metadata=bool(plugged.metadata),
        )

    def check_joined(self, router: RouterPlan) -> None:
        """Raises ValueError for a router in a network that has no bridge here."""
        for port in router.all_ports:
            network = self.networks.get(port.network)
            if network is None:
                raise ValueError(f"network {port.network} is not carried on this node")
            if network.mode == ROUTED:
                raise ValueError(f"network {port.network} has no bridge that a router could join")

    def cables_of(self, router: RouterPlan) -> tuple[Cable, ...]:
        """A router's places in networks that are carried."""
        found = []
        for port in router.all_ports:
            network = self.networks.get(port.network)
            if network is None or network.mode == ROUTED:
                continue
            segment = self.numbers[network.name]
            found.append(
                Cable(
                    outer=cable_name(self.cluster, router.uuid, network.name),
                    inner=router_end(network.name),
                    bridge=bridge_name(network.link),
                    port=port,
                    network=network,
                    segment=segment,
                    zone=segment if network.mac_filtered else self.numbers[f"link:{network.link}"],
                )
            )
        return tuple(found)

    def cables(self) -> tuple[Cable, ...]:
        """Those of all routers."""
        return tuple(each for router in self.routers.values() for each in self.cables_of(router))

    def bridged(self) -> Mapping[str, tuple[NetworkPlan, ...]]:
        """The networks of each bridge, by the bridge's name."""
        found: dict[str, tuple[NetworkPlan, ...]] = {}
        for network in self.networks.values():
            if network.mode != ROUTED:
                name = bridge_name(network.link)
                found[name] = (*found.get(name, ()), network)
        return found

    def _numbered(self) -> NetworkState:
        ports = [port for each in self.plugged.values() for port in each.ports]
        links = [network.link for network in self.networks.values()]
        links += [link_of(port, self.networks.get(port.network or "")) for port in ports]
        wanted = [*self.networks, *(f"link:{link}" for link in dict.fromkeys(links))]
        known = {name: number for name, number in self.numbers.items() if name in wanted}
        return evolve(self, numbers=numbered(self.cluster, known, wanted, (), LAST_NETWORK))


def has_gateway(network: NetworkPlan) -> bool:
    """
    Whether the node itself is the network's IPv4 router.

    Not on a bridge that networks share, kept apart by MAC addresses alone: the node's own routing
    knows no such difference.
    """
    if network.mac_filtered or network.mode == ROUTED or not network.node_gateway:
        return False
    return any(each.gateway for each in network.subnets4)


def link_of(port: PortPlan, network: NetworkPlan | None) -> str:
    """The NIC's link, else its network's."""
    return port.link or (network.link if network is not None else "")


def link_local(mac: str) -> str:
    """The IPv6 address that Linux makes of a MAC address (RFC 4291, appendix A)."""
    return autoconfigured("fe80::/64", mac)


@lru_cache(maxsize=4096)
def autoconfigured(prefix: str, mac: str) -> str:
    """The address that a host with this MAC address makes in a prefix (RFC 4862)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    host = bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" + raw[3:]
    network = ipaddress.IPv6Network(prefix, strict=False)
    return str(network.network_address + int.from_bytes(host, "big"))
