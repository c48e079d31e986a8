"""
Addresses and networks out of text that a user gives.

Python takes an IPv6 address with a zone (RFC 4007, ``fe80::1%eth0``), and as a zone it takes any
text at all; such text would end up in programs of ``ip`` and ``nft``.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def plain_address(text: str) -> Address:
    """The address.  Raises ValueError, also for one with a zone."""
    _refuse_zone(text)
    return ipaddress.ip_address(text)


def plain_network(text: str) -> Network:
    """The network, whatever its host bits.  Raises ValueError, also for one with a zone."""
    _refuse_zone(text)
    return ipaddress.ip_network(text, strict=False)


def _refuse_zone(text: str) -> None:
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
