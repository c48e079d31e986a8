"""
Names and MAC addresses of the node's own interfaces: always the same for the same thing.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 15  # of an interface's name
VXLAN_LINK = "vxlan:"
LINK = re.compile(r"(vxlan:[0-9]{1,8}|[A-Za-z0-9][A-Za-z0-9._-]{0,14})")


def bridge_name(link: str) -> str:
    """The bridge of a link: the link itself, or for ``vxlan:77`` the overlay's."""
    return f"gvx{link.removeprefix(VXLAN_LINK)}" if link.startswith(VXLAN_LINK) else link


def tunnel_name(vni: int) -> str:
    """The port of a bridge that leads to other nodes."""
    return f"gvt{vni}"


def bridge_mac(name: str) -> str:
    """
    An interface's own MAC address, locally administered.

    Without one of its own a bridge takes its smallest port's, and the gateway's address in the
    guests' ARP tables would go stale whenever a guest comes or goes.
    """
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    return "02:" + ":".join(f"{byte:02x}" for byte in digest[:5])


def gateway_mac(network: str, prefix: str | None) -> str:
    """
    The MAC address of the router that has a network's gateway address, where nodes have it not.

    prefix: how MAC addresses in the network begin.  It depends on nothing else, so each node can
    advertise the router, and guests keep it when it moves.
    """
    own = bridge_mac(f"gateway of {network}")
    return own if prefix is None else prefix + own[len(prefix) :]


def tap_prefix(cluster: str) -> str:
    """How the names of a cluster's taps begin: another cluster on this machine has others."""
    return f"gt{hashlib.sha256(cluster.encode('utf-8')).hexdigest()[:4]}"


def tap_name(cluster: str, uuid: str) -> str:
    """The tap of the NIC with this UUID: the same after every restart, at most 15 characters."""
    digest = hashlib.sha256(uuid.encode("utf-8")).hexdigest()
    return f"{tap_prefix(cluster)}{digest[:9]}"


def cable_prefix(cluster: str) -> str:
    """How the names of the cluster's cables between routers and bridges begin."""
    return f"gr{hashlib.sha256(cluster.encode('utf-8')).hexdigest()[:4]}"


def cable_name(cluster: str, router: str, network: str) -> str:
    """The bridge's end of the cable to a router (by UUID) in a network (by name)."""
    return f"{cable_prefix(cluster)}{_digest(router, network)[:9]}"


def router_end(network: str) -> str:
    """The name of a router's interface in a network."""
    return f"net{_digest(network)[:9]}"


def router_mac(router: str, network: str, prefix: str | None) -> str:
    """The MAC address of a router (by UUID) in a network whose gateway it is not."""
    own = bridge_mac(f"router {router} {network}")
    return own if prefix is None else prefix + own[len(prefix) :]


def namespace_prefix(cluster: str, node: str | None) -> str:
    """How the names of routers' network namespaces begin; node: the node's own namespace."""
    return f"{node or 'ganetid'}-r{_digest(cluster, node or '')[:6]}"


def router_namespace(router: str) -> str:
    """What follows that prefix for one router (by UUID)."""
    return f"-{_digest(router)[:12]}"


def chain_suffix(name: str) -> str:
    """A name as part of a name in nftables: letters, digits and underscores, nothing alike."""
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9]', '_', name)[:24]}_{digest}"


def table_name(cluster: str) -> str:
    """The packet rules' tables: letters, digits and underscores only."""
    return "ganetid_" + re.sub(r"[^A-Za-z0-9]", "_", cluster)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8")).hexdigest()
