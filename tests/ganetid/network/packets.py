"""Frames that tests send."""

from __future__ import annotations

import ipaddress
import os

from ganetid.network.wire import frames
from ganetid.network.wire.frames import Arp, Datagram, Ethernet


def udp(source: str, to: str, ports: tuple[int, int] = (5000, 5000), what: bytes = b"") -> bytes:
    ethertype = frames.IPV6 if ":" in source else frames.IPV4
    packet = Datagram(source, to, frames.UDP, *ports, what or os.urandom(12))
    return ethertype.to_bytes(2, "big") + frames.write_datagram(packet)


def icmp6(source: str, to: str, message: bytes) -> bytes:
    packet = Datagram(source, to, frames.ICMPV6, 0, 0, message, frames.HOP_LIMIT)
    return b"\x86\xdd" + frames.write_datagram(packet)


def arp(mac: str, sender: str, operation: int = 1) -> bytes:
    packet = Arp(operation, mac, sender, "00:00:00:00:00:00", "10.7.0.11")
    return b"\x08\x06" + frames.write_arp(packet)


def framed(source: str, destination: str, rest: bytes) -> bytes:
    """rest: ethertype and payload."""
    head = frames.write_ethernet(Ethernet(destination, source, 0, b""))[:12]
    return head + rest


def advertised(target: str) -> bytes:
    """A neighbour advertisement."""
    return b"\x88\0\0\0\x20\0\0\0" + ipaddress.IPv6Address(target).packed
