"""
Router advertisements, sans I/O: what a guest learns of its IPv6 network.

Source: RFC 4861, RFC 8106 (DNS).
"""

from __future__ import annotations

import ipaddress
import struct

from attrs import frozen

from ganetid.network.wire.dhcp6 import domain_name

SOLICITATION, ADVERTISEMENT = 133, 134
MANAGED, OTHER = 0x80, 0x40
ON_LINK, AUTONOMOUS = 0x80, 0x40
LIFETIME_S = 1800


@frozen
class Prefix:
    """A subnet.  managed: its addresses come by DHCPv6."""

    cidr: str
    managed: bool = False


@frozen
class Advertised:
    """
    What is advertised.  mac: the router's.  is_router: whether there is a way out by it.
    on_link: others of the prefix are reached without a router.
    """

    mac: str
    prefixes: tuple[Prefix, ...]
    is_router: bool = True
    on_link: bool = True
    mtu: int | None = None
    dns: tuple[str, ...] = ()
    domain: str | None = None


def is_solicitation(message: bytes) -> bool:
    """Whether an ICMPv6 message asks for routers."""
    return len(message) >= 8 and message[0] == SOLICITATION and message[1] == 0


def advertisement(told: Advertised) -> bytes:
    """The ICMPv6 message, its checksum still 0."""
    flags = MANAGED | OTHER if any(each.managed for each in told.prefixes) else OTHER
    lifetime = LIFETIME_S if told.is_router else 0
    head = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, flags, lifetime, 0, 0)
    options = [_option(1, bytes.fromhex(told.mac.replace(":", "")))]
    options += [_prefix(each, told.on_link) for each in told.prefixes]
    if told.mtu is not None:
        options.append(_option(5, struct.pack("!HI", 0, told.mtu)))
    if told.dns:
        servers = b"".join(ipaddress.IPv6Address(each).packed for each in told.dns)
        options.append(_option(25, struct.pack("!HI", 0, LIFETIME_S) + servers))
    if told.domain:
        options.append(_option(31, struct.pack("!HI", 0, LIFETIME_S) + domain_name(told.domain)))
    return head + b"".join(options)


def _prefix(told: Prefix, is_on_link: bool) -> bytes:
    network = ipaddress.IPv6Network(told.cidr)
    flags = (ON_LINK if is_on_link else 0) | (0 if told.managed else AUTONOMOUS)
    times = struct.pack("!BBIII", network.prefixlen, flags, 86400, 14400, 0)
    return _option(3, times + network.network_address.packed)


def _option(number: int, value: bytes) -> bytes:
    """Options are counted in units of 8 bytes."""
    size = (len(value) + 2 + 7) // 8
    return (bytes((number, size)) + value).ljust(size * 8, b"\0")
