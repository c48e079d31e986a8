"""
What a NIC's firewall profile and security groups let through, as chains of stateful rules.

Profiles are Synnefo's: protected lets in answers and ICMP; limited also SSH and RDP; unprotected
everything.  Source: snf-network, Synnefo's firewall tags.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from ganetid.network.names import chain_suffix
from ganetid.network.ports import INWARDS, LIMITED, OUTWARDS, PROTECTED, PortPlan, SecurityRule
from ganetid.network.rules.guard import REMEMBERED, spelt_network
from ganetid.network.rules.ruleset import Chain

IPV4, IPV6 = "ipv4", "ipv6"
LIMITED_PORTS = "tcp dport { 22, 3389 } accept"
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept"
DHCP_ANSWERS = "udp sport { 67, 547 } udp dport { 68, 546 } accept"


def is_filtered_inwards(port: PortPlan) -> bool:
    """Whether not everything may reach the NIC."""
    return is_filtered_outwards(port) or port.firewall in {PROTECTED, LIMITED}


def is_filtered_outwards(port: PortPlan) -> bool:
    """Whether the NIC may not send everything; profiles say nothing of that."""
    return port.rules is not None or port.groups is not None


@lru_cache(maxsize=REMEMBERED)
def inward_chain(port: PortPlan) -> Chain:
    """What accepts or drops what goes to the NIC."""
    rules = ["ct state established,related accept", "ct state invalid drop"]
    rules += [NEIGHBOURS, DHCP_ANSWERS]
    if port.firewall in {PROTECTED, LIMITED}:
        rules.append("meta l4proto { icmp, ipv6-icmp } accept")
    if port.firewall == LIMITED:
        rules.append(LIMITED_PORTS)
    rules += _allowed(port.rules or (), INWARDS)
    rules += [f"jump {group_chain(name, INWARDS)}" for name in port.groups or ()]
    return Chain((*rules, "drop"))


@lru_cache(maxsize=REMEMBERED)
def outward_chain(port: PortPlan) -> Chain:
    """What accepts or drops what the NIC sends."""
    rules = ["ct state established,related accept", "ct state invalid drop"]
    rules.append("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept")
    rules += _allowed(port.rules or (), OUTWARDS)
    rules += [f"jump {group_chain(name, OUTWARDS)}" for name in port.groups or ()]
    return Chain((*rules, "drop"))


@lru_cache(maxsize=REMEMBERED)
def rules_chain(rules: tuple[SecurityRule, ...], direction: str) -> Chain:
    """What accepts what the rules allow, and returns for all else."""
    return Chain(tuple(_allowed(rules, direction)))


def group_chain(name: str, direction: str) -> str:
    """The name of a group's chain."""
    return f"group_{direction}_{chain_suffix(name)}"


def group_set(name: str, version: str) -> str:
    """The name of the set of a group's addresses."""
    return f"group{version[-1]}_{chain_suffix(name)}"


def _allowed(rules: Iterable[SecurityRule], direction: str) -> Iterable[str]:
    return (f"{match_of(rule)} accept" for rule in rules if rule.direction == direction)


def match_of(rule: SecurityRule) -> str:
    """What nft calls the packets that a rule is about.  Raises ValueError for a bad rule."""
    version = 6 if rule.ethertype == IPV6 else 4
    parts = [f"meta nfproto ipv{version}", *_remote(rule, version)]
    parts += _protocol(rule, version)
    return " ".join(parts)


def _remote(rule: SecurityRule, version: int) -> Iterable[str]:
    family = "ip6" if version == 6 else "ip"
    side = "saddr" if rule.direction == INWARDS else "daddr"
    if rule.remote_group is not None:
        yield f"{family} {side} @{group_set(rule.remote_group, rule.ethertype)}"
    if rule.remote is not None:
        network = ipaddress.ip_network(rule.remote, strict=False)
        if network.version != version:
            raise ValueError(f"{rule.remote} is not {rule.ethertype}")
        if network.prefixlen:
            yield f"{family} {side} {spelt_network(network)}"


def _protocol(rule: SecurityRule, version: int) -> Iterable[str]:
    match rule.protocol:
        case None | "":
            return
        case "tcp" | "udp" | "sctp" | "udplite" | "dccp" as name:
            yield f"{name} dport {_ports(rule)}" if rule.port_min is not None else _l4(name)
        case "icmp" | "icmpv6" | "ipv6-icmp" | "1" | "58":
            yield from _icmp(rule, version)
        case other if other.isdecimal() and int(other) < 256:
            yield _l4(other)
        case other:
            raise ValueError(f"{other!r} is no protocol")


def _icmp(rule: SecurityRule, version: int) -> Iterable[str]:
    name = "icmpv6" if version == 6 else "icmp"
    yield _l4("ipv6-icmp" if version == 6 else "icmp")
    if rule.port_min is not None:
        yield f"{name} type {_byte(rule.port_min)}"
    if rule.port_max is not None:
        yield f"{name} code {_byte(rule.port_max)}"


def _ports(rule: SecurityRule) -> str:
    first = rule.port_min if rule.port_min is not None else 0
    last = rule.port_max if rule.port_max is not None else first
    if not 0 <= first <= last <= 65535:
        raise ValueError(f"{first} to {last} are no ports")
    return str(first) if first == last else f"{first}-{last}"


def _byte(value: int) -> int:
    if not 0 <= value <= 255:
        raise ValueError(f"{value} is no type or code of ICMP")
    return value


def _l4(name: str) -> str:
    return f"meta l4proto {name}"
