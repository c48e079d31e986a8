"""
The chains of the inet table that every packet meets; what they look up is filled in by `firewall`.

inner: our bridges and routed taps.  open: those whose guests may be called from outside, closed:
the other bridges.  A packet that a guest sends to a neighbour by way of the gateway is routed like
any other: it must not get round the rules that the neighbour has on its bridge.
"""

from __future__ import annotations

from ganetid.network.numbers import IDENTITIES, NETWORK_MASK, PORT_MASK, service_address
from ganetid.network.rules.forwards import DNAT, FROM_PORT, TO_PORT
from ganetid.network.rules.ruleset import Chain
from ganetid.network.state import METADATA

NETWORK = f"meta mark & {NETWORK_MASK:#x}"
PORT = f"meta mark & {PORT_MASK:#x}"
DNATTED = "ct status & dnat == dnat"
NOT_DNATTED = "ct status & dnat != dnat"


def base_chains(cluster: str) -> dict[str, Chain]:
    """By name; those with a hook, and what they lead to."""
    service = service_address(cluster)
    return {
        **_arriving(service),
        **_filtering(service),
        **_leaving(service),
    }


def _arriving(service: str) -> dict[str, Chain]:
    """
    Zones before connections are looked up; then what NICs may send, networks, public addresses.
    """
    raw = (
        f"iifname != @inner ip saddr {IDENTITIES} drop",
        f"iifname != @inner ip daddr {IDENTITIES} drop",
        "iifname vmap @routed_senders",
        "ip daddr vmap @public_zones",
        f"{TO_PORT} vmap @forward_zones",
        f"{NETWORK} vmap @zones",
    )
    outwards = (f"iifname @inner ip daddr {service} accept", f"{PORT} vmap @outwards")
    mangle = (
        f"iifname @inner ip daddr {service} accept",
        f"{NETWORK} != 0 ct mark 0 ct mark set {NETWORK}",
        f"meta mark set {NETWORK}",
        "ct direction reply ct mark != 0 meta mark set ct mark",
        "meta mark set ip daddr map @floating_networks",
        f"meta mark set {TO_PORT} map @forward_networks",
    )
    dstnat = ("dnat ip to ip daddr map @floating", DNAT)
    return {
        "raw": Chain(raw, "type filter hook prerouting priority -300"),
        "outwards": Chain(outwards, "type filter hook prerouting priority -160"),
        "mangle": Chain(mangle, "type filter hook prerouting priority -150"),
        "dstnat": Chain(dstnat, "type nat hook prerouting priority dstnat"),
    }


def _filtering(service: str) -> dict[str, Chain]:
    """What guests want of the node, and what is for guests, over a bridge or routed."""
    to_node = (
        "iifname != @inner accept",
        "ct state established,related accept",
        f"ip saddr {IDENTITIES} ip daddr {service} tcp dport 80 accept",
        f"ip daddr {IDENTITIES} drop",
        "icmp type echo-request accept",
        "icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept",
        "drop",
    )
    forward = (
        f"{PORT} vmap @inwards",
        f"{PORT} != 0 accept",
        f"{NETWORK} 0 iifname . oifname @same goto to_guest",
        f"ip saddr {IDENTITIES} drop",
        f"ip daddr {IDENTITIES} drop",
        "ct state established,related accept",
        "oifname @inner jump to_inner",
    )
    to_inner = (
        "oifname @open goto to_guest",
        f"{DNATTED} goto to_guest",
        "iifname . oifname @routers goto to_guest",
        "drop",
    )
    to_guest = (
        "oifname vmap @inwards_routed",
        "oifname . ip daddr vmap @inwards4",
        "oifname . ip6 daddr vmap @inwards6",
        "accept",
    )
    return {
        "input": Chain(to_node, "type filter hook input priority filter"),
        "forward": Chain(forward, "type filter hook forward priority filter"),
        "to_inner": Chain(to_inner),
        "to_guest": Chain(to_guest),
    }


def _leaving(service: str) -> dict[str, Chain]:
    """Addresses that guests are seen under; and metadata's answers get the guest's own again."""
    srcnat = (
        "ct mark 0 accept",
        f"oifname @closed {NOT_DNATTED} accept",
        "snat ip to ct mark . ip saddr map @floating_back",
        f"snat ip to ct mark . {FROM_PORT} map @forwards_back",
        "meta nfproto ipv4 ct mark @masqueraded masquerade",
    )
    homewards = (f"ip saddr {service} ip saddr set {METADATA} ip daddr set ip daddr map @homes",)
    return {
        "srcnat": Chain(srcnat, "type nat hook postrouting priority srcnat"),
        "homewards": Chain(homewards, "type filter hook postrouting priority 300"),
    }
