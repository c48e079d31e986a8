"""
The cluster's own address, as its parameters name it.
"""

from __future__ import annotations

import ipaddress

from attrs import frozen

from ganetid.cluster.cluster_defaults import cluster_parameter
from ganetid.cluster.model import ClusterFacts


@frozen
class ClusterPlace:
    """An address with its prefix, ``192.0.2.9/24``, and the master's interface that has it."""

    address: str
    device: str


def place_of(facts: ClusterFacts) -> ClusterPlace | None:
    """Where the cluster is reached, whoever is master; None when it has no address of its own."""
    address = cluster_parameter(facts, "master_ip")
    if not address:
        return None
    parsed = ipaddress.ip_address(address)
    prefix = min(int(cluster_parameter(facts, "master_netmask")), parsed.max_prefixlen)
    return ClusterPlace(f"{parsed}/{prefix}", str(cluster_parameter(facts, "master_netdev")))


def is_address(text: object) -> bool:
    """Whether it is an IP address, or empty for none."""
    try:
        return text == "" or bool(ipaddress.ip_address(str(text)))
    except ValueError:
        return False
