"""
Blocks of addresses, pools within them, and the addresses that guests make of their MAC.  Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

Block = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

AUTOMATIC = ("slaac", "dhcpv6-stateless")  # modes in which guests make their own addresses
EUI64_PREFIX = 64  # bits; the other half is made of the MAC address
MAX_OFFSET = 2**63 - 1  # what a column holds; only IPv6 has more


def is_automatic(subnet: Any) -> bool:
    """
    Whether guests on this subnet make their own addresses.
    """
    return subnet.address_mode in AUTOMATIC


def block_of(subnet: Any) -> Block:
    """
    Its addresses.
    """
    return ipaddress.ip_network(subnet.cidr)


def eui64(block: Block, mac: str) -> str:
    """
    The address that a guest with this MAC address makes in a block of 64 bits.  Source: RFC 4291,
    appendix A.
    """
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    tail = bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]])
    return str(block.network_address + int.from_bytes(tail, "big"))


def offset_in(block: Block, address: Address) -> int | None:
    """
    The address' distance from the block's first; None when it is too far for a column.
    """
    offset = int(address) - int(block.network_address)
    return offset if offset <= MAX_OFFSET else None


def ends_of(block: Block) -> tuple[Address, Address]:
    """
    The first and the last address that somebody may have.
    """
    first, last = int(block.network_address), int(block.broadcast_address)
    kind = ipaddress.ip_address if block.version == 4 else ipaddress.IPv6Address
    if block.version == 4 and block.prefixlen >= 31:
        return kind(first), kind(last)
    if block.version == 6 and block.prefixlen >= 127:
        return kind(first), kind(last)
    # of IPv6 the first is the routers' anycast address; there is no broadcast
    return kind(first + 1), kind(last - 1 if block.version == 4 else last)


def may_have(block: Block, address: Address) -> bool:
    """
    Whether somebody may have the address in this block.
    """
    if address.version != block.version or address not in block:
        return False
    first, last = ends_of(block)
    return int(first) <= int(address) <= int(last)


def usual_pools(block: Block, gateway: str | None) -> list[dict[str, str]]:
    """
    All addresses but the gateway's.
    """
    first, last = (int(end) for end in ends_of(block))
    if gateway is None:
        ranges = [(first, last)]
    else:
        at = int(ipaddress.ip_address(gateway))
        ranges = [(first, last)] if not first <= at <= last else [(first, at - 1), (at + 1, last)]
    kind = ipaddress.IPv4Address if block.version == 4 else ipaddress.IPv6Address
    return [
        {"start": str(kind(start)), "end": str(kind(end))} for start, end in ranges if start <= end
    ]


def offsets_of(block: Block, pools: Sequence[Mapping[str, str]]) -> list[tuple[int, int]]:
    """
    The pools as offsets, as far as columns reach.
    """
    base, found = int(block.network_address), []
    for pool in pools:
        first = int(ipaddress.ip_address(pool["start"])) - base
        last = int(ipaddress.ip_address(pool["end"])) - base
        if first <= MAX_OFFSET:
            found.append((first, min(last, MAX_OFFSET)))
    return found
