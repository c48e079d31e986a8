"""
The packet rules of a router: one table in its own network namespace.

What guests behind it begin may go anywhere; from outside nobody gets in but by a public address,
unless guests are seen there under their own.  Guests reach public addresses of each other too:
then the answer has to come back this way, so the sender is translated as on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganetid.network.flows import flow_mark
from ganetid.network.names import router_end
from ganetid.network.ports import RouterPlan
from ganetid.network.rules.forwards import (
    DNAT,
    KEY,
    TO_PORT,
    forward_mark,
    forwards_map,
    outer_key,
)
from ganetid.network.rules.ruleset import Chain, Elements, Table

TABLE = "ganetid_router"
DNATTED = "ct status & dnat == dnat"
FROM_INSIDE = 1
TO_ROUTER = (
    "ct state established,related accept",
    "icmp type echo-request accept",
    "icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept",
    "drop",
)


def router_table(router: RouterPlan) -> Table:
    """The whole table."""
    outside = None if router.external is None else router_end(router.external.network)
    private = {each.public: each.private for each in router.floating if each.private}
    back: dict[str, str] = {}
    for public, inner in private.items():
        back.setdefault(inner, public)
    chains = {"input": Chain(TO_ROUTER, "type filter hook input priority filter")}
    if outside is not None:
        chains |= _outside_chains(router, outside)
    kind, marks = "ipv4_addr : ipv4_addr", "ipv4_addr : mark"
    sets = {
        "floating": Elements("map", kind, elements=private),
        "floating_back": Elements("map", kind, elements=back),
        "marks": Elements("map", marks, elements=_marks(private)),
        "marks_back": Elements("map", marks, elements=_marks(back)),
        "forwards": forwards_map(router.forwards),
        "forward_marks": Elements(
            "map",
            f"{KEY} : mark",
            elements={outer_key(each): str(forward_mark(each)) for each in router.forwards},
        ),
    }
    return Table("inet", TABLE, chains, sets)


def flow_marks(router: RouterPlan) -> set[int]:
    """Marks of all flows by public addresses."""
    floating = {flow_mark(each.public, each.private) for each in router.floating if each.private}
    return floating | {forward_mark(each) for each in router.forwards}


def _marks(pairs: Mapping[str, str]) -> dict[str, str]:
    """The mark of each one's flows, however they began."""
    return {one: str(flow_mark(one, other)) for one, other in pairs.items()}


def _outside_chains(router: RouterPlan, outside: str) -> dict[str, Chain]:
    forward = [
        f'iifname != "{outside}" accept',
        "ct state established,related accept",
        f"{DNATTED} accept",
        "accept" if router.snat is None else "drop",
    ]
    arriving = [
        f'iifname != "{outside}" meta mark set {FROM_INSIDE}',
        "ct mark set ip saddr map @marks_back",
        "ct mark set ip daddr map @marks",
        f"ct mark set {TO_PORT} map @forward_marks",
        "dnat ip to ip daddr map @floating",
        DNAT,
    ]
    back_in = f'oifname != "{outside}" meta mark {FROM_INSIDE} {DNATTED}'
    leaving = [
        f'oifname "{outside}" snat ip to ip saddr map @floating_back',
        f"{back_in} snat ip to ip saddr map @floating_back",
    ]
    if router.snat is not None:
        leaving.append(f'oifname "{outside}" meta nfproto ipv4 snat ip to {router.snat}')
        leaving.append(f"{back_in} snat ip to {router.snat}")
    else:
        leaving.append(f"{back_in} masquerade")
    return {
        "forward": Chain(tuple(forward), "type filter hook forward priority filter"),
        "dstnat": Chain(tuple(arriving), "type nat hook prerouting priority dstnat"),
        "srcnat": Chain(tuple(leaving), "type nat hook postrouting priority srcnat"),
    }
