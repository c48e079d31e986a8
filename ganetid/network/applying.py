"""
From one state of the node's network to the next, in the kernel.

Packet rules come before the taps that they are for, and a tap of ours without rules may not send:
there is no moment at which a guest is not guarded.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from twisted.logger import Logger

from ganetid.network.host import Host
from ganetid.network.links import Link
from ganetid.network.names import bridge_mac, tap_prefix, tunnel_name
from ganetid.network.numbers import NETWORK_MASK, service_address
from ganetid.network.plan import (
    FIRST_TABLE,
    RULE_PRIORITY,
    Bridge,
    bridges_of,
    flood_list,
    leftover_addresses,
    make_bridge,
    network_routes,
    network_rule,
    remove_bridge,
    remove_link,
)
from ganetid.network.qos import queue_lines
from ganetid.network.routing import Routing
from ganetid.network.rules.firewall import inet_table
from ganetid.network.rules.groups import group_part
from ganetid.network.rules.guard import bridge_table
from ganetid.network.rules.ruleset import Present, Table, part_of, present_of, present_with
from ganetid.network.state import NetworkState, Place, has_gateway
from ganetid.network.tap_plan import (
    lost_routes,
    make_tap,
    stray_taps,
    tap_routes,
    tap_rule,
)
from ganetid.network.vlans import Vlans
from ganetid.node.programs import ProgramFailed


class Applying:
    """
    Makes a NetworkState true.  Failures are ProgramFailed or OSError.

    outside: interfaces that are neither taps nor bridges of ours, as last seen.
    """

    _log = Logger()

    def __init__(self, host: Host) -> None:
        self._host = host
        self._present: dict[str, Present | None] = {}
        self._vlans = Vlans(host)
        self._routers = Routing(host)
        self.outside: tuple[str, ...] = ()

    async def begin(self, state: NetworkState) -> None:
        """Find out what is there already."""
        if await self._host.make_namespace():
            self._log.info("network namespace {name} made", name=self._host.namespace)
        address = f"{service_address(state.cluster)}/32"
        links = await self._host.links()
        if "lo" in links and address not in links["lo"].addresses:
            await self._host.ip([f"address add {address} dev lo"])
        if self._host.has_rules:
            for table in (bridge_table(state), inet_table(state)):
                self._present[table.title] = await self._host.table(table)

    async def apply(
        self, before: NetworkState, wanted: NetworkState, is_sure: bool = True
    ) -> NetworkState:
        """
        Make `wanted` true; it is returned with the MAC addresses of others' bridges.

        before: what was made true last; unless `is_sure`, some of it may not be there.
        """
        links = await self._host.links()
        if not is_sure or before.networks != wanted.networks:
            await self._make_bridges(wanted, links)
        known = evolve(wanted, macs=_foreign_macs(wanted, links))
        await self._change_rules(known)
        await self._remove(before, known, links)
        done = frozenset(before.places()) if is_sure else frozenset()
        await self._make_taps(known, links, done)
        await self._limit(known, links, done, is_sure)
        if not is_sure or _routing(before) != _routing(known):
            await self._route(known)
        await self._vlans.apply(known, links)
        failed = await self._routers.apply(before, known, links, is_sure)
        made = {name: each for name, each in known.routers.items() if name not in failed}
        known = evolve(known, routers=made)
        ours = {cable.outer for cable in known.cables()}
        ours |= {place.tap for place in known.places()} | set(known.bridged()) | {"lo"}
        self.outside = tuple(name for name in links if name not in ours)
        return known

    async def change_groups(self, before: NetworkState, wanted: NetworkState) -> bool:
        """
        Make true states that differ in security groups alone, whatever else there is.

        False: it has to be done by `apply`, for nobody knows what the kernel has.
        """
        old, new = group_part(before), group_part(wanted)
        present = self._present.get(new.title)
        if present is None or not self._host.has_rules:
            return False
        self._present.pop(new.title)
        await self._host.change_tables([(new, part_of(present, old))])
        self._present[new.title] = present_with(present, old, new)
        return True

    async def _make_bridges(self, state: NetworkState, links: dict[str, Link]) -> None:
        bridges = bridges_of(state)
        lines: list[str] = []
        for bridge in bridges:
            lines += [*make_bridge(bridge, links), *_stale_addresses(bridge, links)]
        for network in state.networks.values():
            lines += network_routes(network, state.numbers[network.name])
        await self._host.ip(lines)
        await self._host.set_kernel(_kernel_settings(state, bridges))
        if any(each.gateway for one in state.networks.values() for each in one.subnets6):
            await self._host.forward_ipv6()
        for bridge in bridges:
            if bridge.vxlan is not None:
                flooded = await self._host.flooded(tunnel_name(bridge.vxlan.vni))
                await self._host.bridge(flood_list(bridge.vxlan, flooded))

    async def _change_rules(self, state: NetworkState) -> None:
        if not self._host.has_rules:
            return
        tables = (bridge_table(state), inet_table(state))
        await self._replace_strange(tables)
        present = [(table, self._present.pop(table.title)) for table in tables]
        await self._host.change_tables(present)
        for table in tables:
            self._present[table.title] = present_of(table)

    async def _replace_strange(self, tables: Iterable[Table]) -> None:
        """After a failure nobody knows what is there: look again."""
        for table in tables:
            if table.title not in self._present:
                self._present[table.title] = await self._host.table(table)

    async def _remove(
        self, before: NetworkState, wanted: NetworkState, links: dict[str, Link]
    ) -> None:
        taps = {place.tap for place in wanted.places()}
        lines: list[str] = []
        for tap in stray_taps(wanted.cluster, links, taps):
            lines += remove_link(tap, links)
        left = {bridge.name for bridge in bridges_of(wanted)}
        for bridge in bridges_of(before):
            there = links.get(bridge.name)
            if bridge.name not in left and there is not None:
                is_ours = there.mac == bridge_mac(bridge.name)
                lines += remove_bridge(bridge, links) if is_ours else leftover(bridge, links)
        await self._host.ip(lines)
        await self._forget_routes(before, wanted)

    async def _forget_routes(self, before: NetworkState, wanted: NetworkState) -> None:
        """One at a time: those of a bridge that is gone are gone with it."""
        still = {line for place in wanted.places() for line in lost_routes(place)}
        for place in before.places():
            for line in lost_routes(place):
                if line not in still:
                    try:
                        await self._host.ip([line])
                    except ProgramFailed as error:
                        self._log.debug("{error}", error=error)

    async def _make_taps(
        self, state: NetworkState, links: dict[str, Link], done: frozenset[Place]
    ) -> None:
        """Routes go with their tap, so those of a NIC that is done already are there."""
        lines: list[str] = []
        routed = []
        for place in state.places():
            made = make_tap(place, links)
            lines += made
            if made or place not in done:
                lines += tap_routes(place)
                routed += [place] if place.bridge is None else []
        await self._host.ip(lines)
        for place in routed:
            await self._host.set_kernel(_towards_guests(place.tap))

    async def _limit(
        self, state: NetworkState, links: dict[str, Link], done: frozenset[Place], is_sure: bool
    ) -> None:
        """While a node begins, one that can't be limited keeps no other guest from its network."""
        lines = [
            line
            for place in state.places()
            if place not in done or place.tap not in links
            for line in queue_lines(place, links)
        ]
        try:
            await self._host.tc(lines)
        except ProgramFailed as error:
            if is_sure:
                raise
            self._log.error("NICs are not limited: {error}", error=error)

    async def _route(self, state: NetworkState) -> None:
        """Which packets look in which routing table."""
        wanted = _routing(state)
        there = {_spelt(rule): rule for rule in await self._host.rules()}
        prefix = tap_prefix(state.cluster)
        stale = [
            text
            for text, rule in there.items()
            if text and text not in wanted and _is_ours(rule, prefix, self._host.namespace)
        ]
        await self._host.ip(
            [*(f"rule del {text}" for text in stale),
             *(f"rule add {text}" for text in sorted(wanted) if text not in there)]
        )  # fmt: skip


def _routing(state: NetworkState) -> frozenset[str]:
    """The policy of routing that a state needs."""
    networks = [each for each in state.networks.values() if has_gateway(each)]
    taps = (tap_rule(place) for place in state.places())
    return frozenset(
        [*(network_rule(state.numbers[each.name]) for each in networks), *filter(None, taps)]
    )


def leftover(bridge: Bridge, links: dict[str, Link]) -> tuple[str, ...]:
    """A bridge that somebody else made stays; what we put on it goes."""
    known = links[bridge.name].addresses
    return tuple(
        f"address del {address} dev {bridge.name}"
        for address in bridge.addresses
        if address in known
    )


def _stale_addresses(bridge: Bridge, links: dict[str, Link]) -> tuple[str, ...]:
    there = links.get(bridge.name)
    if there is None or there.mac != bridge_mac(bridge.name):
        return ()
    return leftover_addresses(bridge, links)


def _foreign_macs(state: NetworkState, links: dict[str, Link]) -> dict[str, str]:
    names = {*state.bridged(), *(place.bridge for place in state.places() if place.bridge)}
    return {
        name: links[name].mac
        for name in names
        if name in links and links[name].mac and links[name].mac != bridge_mac(name)
    }


def _towards_guests(interface: str) -> dict[str, str]:
    """
    The node learns no routes from guests.

    Source addresses are checked by rules; a strict check of routes knows no identities.
    """
    return {
        f"net/ipv4/conf/{interface}/rp_filter": "2",
        f"net/ipv4/conf/{interface}/accept_redirects": "0",
        f"net/ipv6/conf/{interface}/accept_redirects": "0",
        f"net/ipv6/conf/{interface}/accept_ra": "0",
    }


def _kernel_settings(state: NetworkState, bridges: Iterable[Bridge]) -> dict[str, str]:
    """What the node's kernel needs to carry networks."""
    settings: dict[str, str] = {}
    for bridge in bridges:
        settings |= _towards_guests(bridge.name)
    if state.networks:
        settings |= {"net/ipv4/ip_forward": "1", "net/ipv4/fwmark_reflect": "1"}
    return settings


def _spelt(rule: dict[str, object]) -> str:
    """A rule as `plan` writes it, "" for one of another kind."""
    match rule:
        case {"priority": int(priority), "fwmark": str(value), "fwmask": str(mask), "table": table}:
            return f"fwmark {value}/{mask} lookup {table} priority {priority}"
        case {"priority": int(priority), "iif": str(tap), "table": table}:
            return f"iif {tap} lookup {table} priority {priority}"
    return ""


def _is_ours(rule: dict[str, object], prefix: str, namespace: str | None) -> bool:
    """Whether we may remove it: in the machine's own namespace others' rules look the same."""
    if rule.get("priority") == RULE_PRIORITY + 1:
        return str(rule.get("iif", "")).startswith(prefix)
    if rule.get("priority") != RULE_PRIORITY or namespace is None:
        return False
    return FIRST_TABLE < int(str(rule.get("table", 0))) <= FIRST_TABLE + NETWORK_MASK
