"""
Single ports of public addresses that lead to guests, as elements of maps.
"""

from __future__ import annotations

from collections.abc import Iterable

from ganetid.network.flows import flow_mark
from ganetid.network.ports import PortForward
from ganetid.network.rules.ruleset import Elements

KEY = "ipv4_addr . inet_proto . inet_service"
TO_PORT = "ip daddr . meta l4proto . th dport"
FROM_PORT = "ip saddr . meta l4proto . th sport"
DNAT = f"dnat ip to {TO_PORT} map @forwards"


def outer_key(forward: PortForward) -> str:
    """What a packet from outside is known by."""
    return f"{forward.public} . {forward.protocol} . {forward.port}"


def inner_key(forward: PortForward) -> str:
    """What a packet that the guest sends from that port is known by."""
    return f"{forward.private} . {forward.protocol} . {forward.private_port}"


def forwards_map(forwards: Iterable[PortForward]) -> Elements:
    """Where each leads to: what `DNAT` looks in."""
    targets = {outer_key(each): f"{each.private} . {each.private_port}" for each in forwards}
    return Elements("map", f"{KEY} : ipv4_addr . inet_service", elements=targets)


def forward_mark(forward: PortForward) -> int:
    """The mark of its flows."""
    return flow_mark(outer_key(forward), inner_key(forward))
