"""
What the node answers to a frame that came from one tap: a pure function of frame and NIC.

DHCPv4, DHCPv6, router solicitations, and ARP for the metadata service (for a routed NIC: for
everybody).  A frame under another MAC address than the NIC's gets no answer, whatever it holds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from attrs import frozen

from ganetid.network.ports import SubnetPlan
from ganetid.network.state import METADATA, Place, link_local
from ganetid.network.tap_plan import port_mtu
from ganetid.network.wire import dhcp, dhcp6
from ganetid.network.wire.dhcp6_options import option6_value
from ganetid.network.wire.dhcp_options import is_next_server, next_server, option_value
from ganetid.network.wire.frames import (
    ARP,
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    HOP_LIMIT,
    ICMPV6,
    IPV4,
    IPV6,
    UDP,
    Arp,
    BadFrame,
    Datagram,
    Ethernet,
    read_arp,
    read_datagram,
    read_ethernet,
    write_arp,
    write_datagram,
    write_ethernet,
)
from ganetid.network.wire.router import Advertised, Prefix, advertisement, is_solicitation

DHCP_SERVER, DHCP_CLIENT = 67, 68
DHCP6_SERVER, DHCP6_CLIENT = 547, 546
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"


@frozen
class NodeTells:
    """What guests are told where their network says nothing.  lease_s: seconds."""

    dns: tuple[str, ...] = ()
    dns6: tuple[str, ...] = ()
    lease_s: int = 3600
    mtu: int | None = None


def answer(frame: bytes, place: Place, tells: NodeTells) -> bytes | None:
    """The frame that the guest gets back, None for nothing."""
    try:
        asked = read_ethernet(frame)
        if asked.source != place.port.mac:
            return None
        if asked.ethertype == ARP:
            return _to_arp(read_arp(asked.payload), place)
        datagram = read_datagram(asked)
        if asked.ethertype == IPV4:
            return _to_dhcp(datagram, place, tells)
        if datagram.protocol == ICMPV6:
            return _to_solicitation(datagram, place, tells)
        return _to_dhcp6(datagram, place, tells)
    except (BadFrame, dhcp.NotDhcp, dhcp6.NotDhcp6):
        return None


def lease_of(place: Place, tells: NodeTells) -> dhcp.Lease | None:
    """What DHCPv4 says to the NIC, None for nothing."""
    network, address = place.network, place.port.ip
    if network is None or address is None:
        return None
    subnet = next((each for each in network.subnets4 if each.holds(address)), None)
    if subnet is None or not subnet.dhcp:
        return None
    metadata = ((f"{METADATA}/32", dhcp.ZERO),) if place.identities else ()
    options = [each for each in place.port.dhcp_options if each.ip_version == 4]
    return dhcp.Lease(
        address=address,
        subnet=subnet.cidr,
        server=subnet.gateway or METADATA,
        router=subnet.gateway,
        dns=subnet.dns or tells.dns,
        host_name=place.port.host_name,
        lease_s=tells.lease_s,
        mtu=port_mtu(place) or tells.mtu,
        domain=network.domain,
        routes=(*metadata, *subnet.routes),
        more=dict(option_value(each) for each in options if not is_next_server(each)),
        next_server=next_server(options),
    )


def unasked_advertisement(place: Place, tells: NodeTells) -> bytes | None:
    """A router advertisement to whoever listens on the tap, None without an IPv6 network."""
    return _advertised(place, tells, ALL_NODES, ALL_NODES_MAC)


def _to_arp(asked: Arp, place: Place) -> bytes | None:
    """The NIC must ask under its own address: an answer would confirm any other to it."""
    if asked.operation != ARP_REQUEST or asked.sender_mac != place.port.mac:
        return None
    ours = asked.target == METADATA and bool(place.identities)
    if place.bridge is None:
        ours = asked.target not in {*place.port.ips4, asked.sender}
    if not ours:
        return None
    mac = place.node_mac
    reply = Arp(ARP_REPLY, mac, asked.target, asked.sender_mac, asked.sender)
    return write_ethernet(Ethernet(place.port.mac, mac, ARP, write_arp(reply)))


def _to_dhcp(datagram: Datagram, place: Place, tells: NodeTells) -> bytes | None:
    if datagram.protocol != UDP or datagram.destination_port != DHCP_SERVER:
        return None
    message = dhcp.decode(datagram.payload)
    lease = lease_of(place, tells)
    if lease is None or message.mac != place.port.mac:
        return None
    reply = dhcp.answer(message, lease)
    if reply is None:
        return None
    is_broadcast = reply.destination == "255.255.255.255"
    packet = Datagram(
        lease.server, reply.destination, UDP, DHCP_SERVER, DHCP_CLIENT, dhcp.encode(reply.message)
    )
    return _sent(place, packet, BROADCAST if is_broadcast else place.port.mac)


def _to_dhcp6(datagram: Datagram, place: Place, tells: NodeTells) -> bytes | None:
    network = place.network
    if datagram.destination_port != DHCP6_SERVER or network is None:
        return None
    subnets = [each for each in network.subnets6 if each.dhcp]
    if not subnets or not ipaddress.IPv6Address(datagram.source).is_link_local:
        return None
    managed = [each for each in subnets if each.managed]
    own = (ip for ip in place.port.ips6 if any(each.holds(ip) for each in managed))
    address = next(own, None)
    binding = dhcp6.Binding6(
        dhcp6.server_duid(place.node_mac),
        address,
        _dns6(subnets) or tells.dns6,
        network.domain,
        tells.lease_s,
        tuple(option6_value(each) for each in place.port.dhcp_options if each.ip_version == 6),
    )
    reply = dhcp6.answer(dhcp6.decode(datagram.payload), binding)
    if reply is None:
        return None
    packet = Datagram(
        link_local(place.node_mac), datagram.source, UDP, DHCP6_SERVER, DHCP6_CLIENT,
        dhcp6.encode(reply),
    )  # fmt: skip
    return _sent(place, packet, place.port.mac)


def _to_solicitation(datagram: Datagram, place: Place, tells: NodeTells) -> bytes | None:
    if datagram.hop_limit != HOP_LIMIT or not is_solicitation(datagram.payload):
        return None
    if datagram.source == "::":
        return _advertised(place, tells, ALL_NODES, ALL_NODES_MAC)
    return _advertised(place, tells, datagram.source, place.port.mac)


def _advertised(place: Place, tells: NodeTells, to: str, to_mac: str) -> bytes | None:
    network = place.network
    subnets = [] if network is None else [each for each in network.subnets6 if each.dhcp]
    if network is None or not subnets:
        return None
    message = advertisement(
        Advertised(
            mac=place.router_mac,
            prefixes=tuple(Prefix(each.cidr, each.managed) for each in subnets),
            is_router=any(each.gateway for each in subnets),
            on_link=place.bridge is not None,
            mtu=port_mtu(place) or tells.mtu,
            dns=_dns6(subnets) or tells.dns6,
            domain=network.domain,
        )
    )
    source = link_local(place.router_mac)
    packet = Datagram(source, to, ICMPV6, 0, 0, message, HOP_LIMIT)
    return write_ethernet(Ethernet(to_mac, place.router_mac, IPV6, write_datagram(packet)))


def _dns6(subnets: Iterable[SubnetPlan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(server for each in subnets for server in each.dns))


def _sent(place: Place, datagram: Datagram, to_mac: str) -> bytes:
    ethertype = IPV6 if ":" in datagram.source else IPV4
    return write_ethernet(Ethernet(to_mac, place.node_mac, ethertype, write_datagram(datagram)))
