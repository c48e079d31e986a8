"""
A range of addresses for a new cloud's first network that this machine does not use yet.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network

import psutil

CANDIDATES = IPv4Network("10.77.0.0/16")
SIZE = 24


class NoFreeNetwork(Exception):
    """
    Every candidate is in use here.
    """


def used_networks() -> list[IPv4Network]:
    """
    The IPv4 networks that this machine has an address in.
    """
    return [
        IPv4Network(f"{address.address}/{address.netmask}", strict=False)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and address.netmask
    ]


def free_network(used: Iterable[IPv4Network]) -> IPv4Network:
    """
    The first candidate that overlaps none of `used`.  Raises NoFreeNetwork.
    """
    taken = list(used)
    for candidate in CANDIDATES.subnets(new_prefix=SIZE):
        if not any(candidate.overlaps(network) for network in taken):
            return candidate
    raise NoFreeNetwork(f"all of {CANDIDATES} is in use on this machine; set network_cidr")


def chosen_network(cidr: str, besides: Iterable[IPv4Network] = ()) -> IPv4Network:
    """
    The network that the settings name, or for "auto" one that is free here, and apart from those of
    `besides`.  Raises ValueError and NoFreeNetwork.
    """
    if cidr == "auto":
        return free_network([*used_networks(), *besides])
    network = ip_network(cidr)
    if not isinstance(network, IPv4Network):
        raise ValueError(f"network_cidr: {cidr} is no IPv4 network")
    return network
