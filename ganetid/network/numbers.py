"""
Numbers of networks and NICs on a node, and what is derived from them.

A packet's mark, 32 bits: the NIC's number above, the network's in the 15 bits below.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Collection, Iterable, Mapping

LAST_NETWORK = 0x7FFF
LAST_PORT = 0xFEFF
NETWORK_MASK = 0x7FFF
PORT_MASK = 0xFFFF0000
PORT_SHIFT = 16

# Class E: nobody's addresses, yet Linux routes them.  See `identity`.
IDENTITIES = "240.0.0.0/4"
_FIRST_IDENTITY = int(ipaddress.IPv4Address("240.0.0.0"))


class NoNumberLeft(Exception):
    """All numbers are given away."""


def numbered(
    cluster: str, known: Mapping[str, int], wanted: Iterable[str], taken: Collection[int], last: int
) -> dict[str, int]:
    """
    A number for each wanted name, 1 to `last`: the known one, else one that is not taken.

    Another cluster's daemon in the same network namespace begins elsewhere, so that their packets'
    marks differ.  Raises NoNumberLeft.
    """
    start = zlib.crc32(cluster.encode("utf-8")) % last
    numbers: dict[str, int] = {}
    used = {*taken, *known.values()}
    candidate = start
    for name in wanted:
        if name in known:
            numbers[name] = known[name]
            continue
        if len(used) >= last:
            raise NoNumberLeft(name)
        while candidate % last + 1 in used:
            candidate += 1
        numbers[name] = candidate % last + 1
        used.add(numbers[name])
    return numbers


def mark(port: int, network: int) -> int:
    """The mark of a packet of this NIC in this network."""
    return port << PORT_SHIFT | network


def identity(port: int, index: int) -> str:
    """
    Who a NIC is to the metadata service: an address of its own, for each of its addresses.

    Packets to the service come from there, whatever address the guest has, so guests with the same
    address are told apart; a guest can't choose it.
    """
    return str(ipaddress.IPv4Address(_FIRST_IDENTITY + (port << 8) + index))


def port_of_identity(address: str) -> int:
    """The number of the NIC with this identity.  Raises ValueError for any other address."""
    offset = int(ipaddress.IPv4Address(address)) - _FIRST_IDENTITY
    if not 0 < offset >> 8 <= LAST_PORT:
        raise ValueError(f"{address} is no NIC's")
    return offset >> 8


def service_address(cluster: str) -> str:
    """Where the metadata service listens; no NIC's identity."""
    low = zlib.crc32(cluster.encode("utf-8")) & 0xFFFF
    return str(ipaddress.IPv4Address(_FIRST_IDENTITY + 0xFF0000 + low))
