"""
Routers of a node in the kernel: a network namespace for each, joined to bridges by cables.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable

from attrs import evolve, frozen
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.network.flows import forget_flows
from ganetid.network.host import Host
from ganetid.network.links import Link
from ganetid.network.names import cable_prefix, namespace_prefix, router_namespace
from ganetid.network.namespace import NAMESPACES, within
from ganetid.network.ports import RouterPlan
from ganetid.network.router_plan import (
    KERNEL,
    change_routes,
    end_cable,
    lay_cable,
    routes_of,
    strays,
)
from ganetid.network.rules.router import flow_marks, router_table
from ganetid.network.state import Cable, NetworkState
from ganetid.network.wire.public import announcement
from ganetid.node.programs import ProgramFailed, run


@frozen
class Routing:
    """Makes routers true.  Failures are ProgramFailed or OSError."""

    host: Host
    _log = Logger()

    async def apply(
        self, before: NetworkState, wanted: NetworkState, links: dict[str, Link], is_sure: bool
    ) -> frozenset[str]:
        """
        Have just the routers of `wanted`; names of those that can't be made.

        before: what was made true last, if `is_sure`; then a failure is raised.  Else one router
        keeps no other, and no guest, from being there.
        """
        made = {_facts(before, each) for each in before.routers.values()} if is_sure else set()
        await self._remove(before, wanted, links, is_sure)
        failed: set[str] = set()
        for router in wanted.routers.values():
            facts = _facts(wanted, router)
            if facts in made:
                continue
            name = self._name(wanted, router)
            try:
                await self._make(facts, name, links)
                await self._end_flows(before.routers.get(router.name), router, name)
            except (ProgramFailed, OSError) as error:
                if is_sure:
                    raise
                failed.add(router.name)
                self._log.error(
                    "router {name} is not there: {error}", name=router.name, error=error
                )
        return frozenset(failed)

    async def _make(
        self, facts: tuple[RouterPlan, tuple[Cable, ...]], name: str, links: dict[str, Link]
    ) -> None:
        """Its rules are there before its cables."""
        router, cables = facts
        own = evolve(self.host, namespace=name)
        if await own.make_namespace():
            self._log.info("router {name} made", name=router.name)
        await own.set_kernel(KERNEL)
        table = router_table(router)
        await own.change_tables([(table, await own.table(table))])
        inside = await own.links()
        lines = [line for each in cables for line in lay_cable(each, name, links, inside)]
        await self.host.ip(lines)
        ends = [end_cable(each, _public(router, each), inside) for each in cables]
        await own.ip([*strays(inside, cables), *(line for lines in ends for line in lines)])
        present = await _routes(own)
        wanted = [_spelt(each) for each in routes_of(router, cables)]
        await own.ip(change_routes(wanted, present))
        await within(own.reactor, name, lambda: _announce(router, cables))

    async def _end_flows(self, old: RouterPlan | None, new: RouterPlan, name: str) -> None:
        """Those by public addresses that lead elsewhere now."""
        marks = flow_marks(old) - flow_marks(new) if old else set()
        if marks:
            await within(self.host.reactor, name, lambda: forget_flows(marks))

    async def _remove(
        self, before: NetworkState, wanted: NetworkState, links: dict[str, Link], is_sure: bool
    ) -> None:
        names = {self._name(wanted, each) for each in wanted.routers.values()}
        gone = {self._name(before, each) for each in before.routers.values()} - names
        if not is_sure:
            gone |= await self._strangers(wanted.cluster) - names
        outer = {each.outer for each in wanted.cables()}
        prefix = cable_prefix(wanted.cluster)
        await self.host.ip(
            f"link delete dev {name}"
            for name in list(links)
            if name.startswith(prefix) and name not in outer and links.pop(name)
        )
        for name in sorted(gone):
            if (NAMESPACES / name).exists():
                await run(self.host.reactor, ["ip", "netns", "del", name])

    async def _strangers(self, cluster: str) -> set[str]:
        """Namespaces of this node's routers, known or not."""
        prefix = namespace_prefix(cluster, self.host.namespace)
        return await deferToThread(
            lambda: (
                {path.name for path in NAMESPACES.glob(f"{prefix}*")}
                if NAMESPACES.exists()
                else set()
            )
        )

    def _name(self, state: NetworkState, router: RouterPlan) -> str:
        prefix = namespace_prefix(state.cluster, self.host.namespace)
        return prefix + router_namespace(router.uuid)


def _facts(state: NetworkState, router: RouterPlan) -> tuple[RouterPlan, tuple[Cable, ...]]:
    return router, state.cables_of(router)


def _public(router: RouterPlan, cable: Cable) -> list[str]:
    """Public addresses on this cable."""
    if router.external != cable.port:
        return []
    own = {each.partition("/")[0] for each in cable.port.addresses}
    return [each for each in router.public if each not in own]


async def _routes(own: Host) -> set[str]:
    """What `routes_of` once said, as far as it is there."""
    found: set[str] = set()
    for version in ("-4", "-6"):
        listing = ["ip", version, "-netns", str(own.namespace), "-json"]
        said = await run(own.reactor, [*listing, "route", "show", "proto", "static"])
        found |= {
            f"{each['dst']} via {each['gateway']}"
            for each in json.loads(said.output or "[]")
            if "gateway" in each
        }
    return {_spelt(each) for each in found}


def _spelt(route: str) -> str:
    """A route as ``ip`` tells it: single addresses without prefix length."""
    destination, _, gateway = route.partition(" via ")
    if destination != "default":
        network = ipaddress.ip_network(destination, strict=False)
        whole = network.prefixlen == 0
        single = network.prefixlen == network.max_prefixlen
        destination = str(network.network_address) if single else str(network)
        destination = "default" if whole else destination
    return f"{destination} via {gateway}"


def _announce(router: RouterPlan, cables: Iterable[Cable]) -> None:
    """Tell its networks that its addresses are here now.  Call it within its namespace."""
    for cable in cables:
        own = [each.partition("/")[0] for each in cable.port.addresses if ":" not in each]
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
            opened.bind((cable.inner, 0))
            for address in (*own, *_public(router, cable)):
                opened.send(announcement(address, cable.port.mac))
