"""
Security groups in the inet table: chains of rules that NICs share, and sets of members' addresses.

What changes of a group changes one chain or set, however many NICs are in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ganetid.network.names import table_name
from ganetid.network.ports import INWARDS, OUTWARDS, GroupPlan
from ganetid.network.rules.filters import group_chain, group_set, rules_chain
from ganetid.network.rules.guard import REMEMBERED, spelt_network
from ganetid.network.rules.ruleset import Chain, Elements, Table
from ganetid.network.state import NetworkState

FAMILIES = ("ipv4", "ipv6")


def group_part(state: NetworkState) -> Table:
    """What of the inet table follows from groups alone, and from who is in them."""
    used = used_groups(state)
    return Table(
        "inet",
        table_name(state.cluster),
        group_chains(state.groups, used),
        group_sets(state, used),
    )


def used_groups(state: NetworkState) -> frozenset[str]:
    """Names of the groups that NICs here are in."""
    return frozenset(
        name for each in state.plugged.values() for port in each.ports for name in port.groups or ()
    )


def group_chains(groups: Mapping[str, GroupPlan], used: Iterable[str]) -> dict[str, Chain]:
    """
    What each group lets through, once for all of its NICs.

    A group that nobody has told us of lets nothing through.
    """
    found: dict[str, Chain] = {}
    for name in sorted(used):
        rules = groups[name].rules if name in groups else ()
        for direction in (INWARDS, OUTWARDS):
            found[group_chain(name, direction)] = rules_chain(rules, direction)
    return found


def group_sets(state: NetworkState, used: Iterable[str]) -> dict[str, Elements]:
    """A set for each group that a rule names, also of one that nobody has told us of."""
    rules = [rule for name in used if name in state.groups for rule in state.groups[name].rules]
    rules += [
        rule for each in state.plugged.values() for port in each.ports for rule in port.rules or ()
    ]
    named = {rule.remote_group for rule in rules if rule.remote_group is not None}
    found: dict[str, Elements] = {}
    for name in sorted(named):
        addresses = state.groups[name].addresses if name in state.groups else ()
        for family in FAMILIES:
            found[group_set(name, family)] = _members(addresses, family)
    return found


@lru_cache(maxsize=REMEMBERED)
def _members(addresses: tuple[str, ...], family: str) -> Elements:
    networks = (ipaddress.ip_network(each, strict=False) for each in addresses)
    ours = [each for each in networks if each.version == int(family[-1])]
    joined = ipaddress.collapse_addresses(ours)  # type: ignore[type-var]
    elements = {spelt_network(each): "" for each in joined}
    return Elements("set", f"{family}_addr", "interval", elements)
