"""
Ethernet frames with ARP, UDP and ICMPv6 in them, sans I/O.

Source: RFC 791, 826, 768, 8200, 4443.
"""

from __future__ import annotations

import ipaddress
import struct

from attrs import frozen

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
UDP, ICMPV6 = 17, 58
HOP_LIMIT = 255  # of neighbour discovery; less is not believed (RFC 4861)
ARP_REQUEST, ARP_REPLY = 1, 2
BROADCAST = "ff:ff:ff:ff:ff:ff"

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")


class BadFrame(Exception):
    """Not a frame of the kind that is looked for."""


@frozen
class Ethernet:
    """A frame without VLAN tag.  MAC addresses in lower case with colons."""

    destination: str
    source: str
    ethertype: int
    payload: bytes


@frozen
class Datagram:
    """A UDP datagram, or an ICMPv6 message with ports of 0."""

    source: str
    destination: str
    protocol: int
    source_port: int
    destination_port: int
    payload: bytes
    hop_limit: int = 64


@frozen
class Arp:
    """An ARP packet for IPv4 over Ethernet."""

    operation: int
    sender_mac: str
    sender: str
    target_mac: str
    target: str


def read_ethernet(frame: bytes) -> Ethernet:
    """Raises BadFrame."""
    if len(frame) < _ETHERNET.size:
        raise BadFrame("too short")
    destination, source, ethertype = _ETHERNET.unpack_from(frame)
    return Ethernet(_mac(destination), _mac(source), ethertype, frame[_ETHERNET.size :])


def write_ethernet(frame: Ethernet) -> bytes:
    """The frame's bytes, without check sequence."""
    head = _ETHERNET.pack(_raw(frame.destination), _raw(frame.source), frame.ethertype)
    return head + frame.payload


def read_arp(payload: bytes) -> Arp:
    """Raises BadFrame."""
    if len(payload) < _ARP.size:
        raise BadFrame("too short for ARP")
    hardware, protocol, hlen, plen, operation, smac, sip, tmac, tip = _ARP.unpack_from(payload)
    if (hardware, protocol, hlen, plen) != (1, IPV4, 6, 4):
        raise BadFrame("not ARP for IPv4 over Ethernet")
    return Arp(operation, _mac(smac), _ip(sip), _mac(tmac), _ip(tip))


def write_arp(arp: Arp) -> bytes:
    """The packet's bytes."""
    addresses = (
        _raw(arp.sender_mac),
        _packed(arp.sender),
        _raw(arp.target_mac),
        _packed(arp.target),
    )
    return _ARP.pack(1, IPV4, 6, 4, arp.operation, *addresses)


def read_datagram(frame: Ethernet) -> Datagram:
    """The UDP datagram or ICMPv6 message in a frame; no fragments.  Raises BadFrame."""
    match frame.ethertype:
        case 0x0800:
            return _read_ipv4(frame.payload)
        case 0x86DD:
            return _read_ipv6(frame.payload)
    raise BadFrame("not IP")


def write_datagram(datagram: Datagram) -> bytes:
    """The IP packet's bytes."""
    source = ipaddress.ip_address(datagram.source)
    if source.version == 4:
        return _write_ipv4(datagram)
    body = _transport(datagram)
    head = _IPV6.pack(
        6 << 28, len(body), datagram.protocol, datagram.hop_limit,
        source.packed, _packed(datagram.destination),
    )  # fmt: skip
    return head + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _read_ipv4(packet: bytes) -> Datagram:
    if len(packet) < _IPV4.size:
        raise BadFrame("too short for IPv4")
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(packet)
    head = (first & 15) * 4
    if first >> 4 != 4 or head < 20 or not head <= total <= len(packet) or fragment & 0x3FFF:
        raise BadFrame("not a whole IPv4 packet")
    if protocol != UDP:
        raise BadFrame("not UDP")
    return _read_udp(_ip(source), _ip(destination), packet[head:total], ttl)


def _read_ipv6(packet: bytes) -> Datagram:
    if len(packet) < _IPV6.size:
        raise BadFrame("too short for IPv6")
    first, size, protocol, limit, source, destination = _IPV6.unpack_from(packet)
    body = packet[_IPV6.size : _IPV6.size + size]
    if first >> 28 != 6 or len(body) != size:
        raise BadFrame("not a whole IPv6 packet")
    if protocol == UDP:
        return _read_udp(_ip(source), _ip(destination), body, limit)
    if protocol != ICMPV6 or len(body) < 4:
        raise BadFrame("neither UDP nor ICMPv6")
    return Datagram(_ip(source), _ip(destination), ICMPV6, 0, 0, body, limit)


def _read_udp(source: str, destination: str, body: bytes, limit: int) -> Datagram:
    if len(body) < _UDP.size:
        raise BadFrame("too short for UDP")
    source_port, port, size, _ = _UDP.unpack_from(body)
    if not _UDP.size <= size <= len(body):
        raise BadFrame("not a whole UDP datagram")
    return Datagram(source, destination, UDP, source_port, port, body[_UDP.size : size], limit)


def _write_ipv4(datagram: Datagram) -> bytes:
    body = _transport(datagram)
    fields = [
        0x45, 0, _IPV4.size + len(body), 0, 0, datagram.hop_limit, datagram.protocol, 0,
        _packed(datagram.source), _packed(datagram.destination),
    ]  # fmt: skip
    fields[7] = checksum(_IPV4.pack(*fields))
    return _IPV4.pack(*fields) + body


def _transport(datagram: Datagram) -> bytes:
    """The datagram with its checksum, which covers the addresses too."""
    if datagram.protocol == ICMPV6:
        body, place = datagram.payload, 2
    else:
        size = _UDP.size + len(datagram.payload)
        head = _UDP.pack(datagram.source_port, datagram.destination_port, size, 0)
        body, place = head + datagram.payload, 6
    addresses = _packed(datagram.source) + _packed(datagram.destination)
    pseudo = addresses + struct.pack("!II", len(body), datagram.protocol)
    zeroed = body[:place] + b"\0\0" + body[place + 2 :]
    total = checksum(pseudo + zeroed) or 0xFFFF
    return body[:place] + struct.pack("!H", total) + body[place + 2 :]


def _mac(raw: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in raw)


def _raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _ip(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed
