"""
Networking with bridges and taps, guarded and filtered, perhaps in a network namespace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.hypervisor.interface import TapNic
from ganetid.network.answering import Answering
from ganetid.network.changing import Changing
from ganetid.network.host import Host
from ganetid.network.interface import INodeNetwork
from ganetid.network.names import tap_name
from ganetid.network.nic_scripts import NicScripts
from ganetid.network.outside import Outside
from ganetid.network.ports import GroupPlan, NetworkPlan, Plugged, PortPlan, RouterPlan
from ganetid.network.router_plan import check_near
from ganetid.network.state import NetworkState
from ganetid.network.tap_plan import port_mtu
from ganetid.network.wire.answers import NodeTells
from ganetid.opcodes.errors import OpExecError

T = TypeVar("T")


@frozen
class TapSettings:
    """
    How this node's network is run.

    namespace: of bridges, taps and guests; made when absent.  masquerade: nftables can be used.
    dns, mtu: what DHCP tells where a network says nothing.  lease_s: seconds.
    outside: a /30 by which the namespace is joined to the machine, so that guests get out of it.
    scripts: where the administrator's programs for NICs that come and go are; see NicScripts.
    """

    namespace: str | None = None
    masquerade: bool = True
    dns: tuple[str, ...] = ()
    lease_s: int = 3600
    mtu: int | None = None
    outside: str | None = None
    scripts: Path | None = None


@implementer(INodeNetwork)
class TapNetwork:
    """INodeNetwork over ``ip`` and ``nft``.  Every change is a new NetworkState; see Changing."""

    mode = "tap"
    _log = Logger()

    def __init__(self, reactor: Any, cluster: str, settings: TapSettings, directory: Path) -> None:
        """cluster: its name.  directory: where the node keeps what it was told."""
        self.namespace = settings.namespace
        self._cluster = cluster
        host = Host(reactor, settings.namespace, settings.masquerade)
        outside = Outside(reactor, cluster, settings.namespace, settings.outside)
        tells = NodeTells(dns=settings.dns, lease_s=settings.lease_s, mtu=settings.mtu)
        self._answering = Answering(reactor, settings.namespace, tells)
        self._changing = Changing(host, outside, self._answering, cluster, directory)
        self._scripts = NicScripts(reactor, settings.scripts, settings.namespace)

    async def begin(self, known_running: frozenset[str]) -> None:
        """See INodeNetwork."""
        former, state = await self._changing.begin(known_running)
        for name, gone in former.plugged.items():
            if name not in state.plugged:
                await self._scripts.down(former, gone.ports)

    async def carry(self, networks: tuple[NetworkPlan, ...]) -> None:
        """See INodeNetwork."""
        wanted = {each.name: each for each in networks}
        if wanted == self._changing.state.networks:
            return
        try:
            await self._changing.change(
                "Can't carry the networks", lambda now: now.with_networks(wanted)
            )
        except OpExecError as error:
            self._log.error("{error}", error=error)
            await self._carry_singly(wanted)

    async def connect(self, network: NetworkPlan) -> None:
        """See INodeNetwork."""
        await self._changing.change(
            f"Can't connect network {network.name}",
            lambda now: now.with_networks({**now.networks, network.name: network}),
        )

    async def disconnect(self, network: str) -> None:
        """See INodeNetwork."""
        if network in self._changing.state.networks:
            await self._changing.change(
                f"Can't disconnect network {network}",
                lambda now: now.with_networks(_without(now.networks, network)),
            )

    async def share_groups(self, groups: tuple[GroupPlan, ...]) -> None:
        """See INodeNetwork."""
        known = {each.name: each for each in groups}
        await self._changing.change("Can't share groups", lambda now: evolve(now, groups=known))

    async def change_groups(self, groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            kept = {name: each for name, each in now.groups.items() if name not in gone}
            return evolve(now, groups={**kept, **{each.name: each for each in groups}})

        await self._changing.change("Can't change groups", changed)

    async def carry_routers(self, routers: tuple[RouterPlan, ...]) -> None:
        """See INodeNetwork."""
        wanted = {each.name: each for each in routers}
        for name in [name for name in self._changing.state.routers if name not in wanted]:
            await self._or_log(self.drop_router(name))
        for router in routers:
            await self._or_log(self.put_router(router))

    async def put_router(self, router: RouterPlan) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            now.check_joined(router)
            check_near(router)
            return evolve(now, routers={**now.routers, router.name: router})

        await self._changing.change(f"Can't make router {router.name}", changed)

    async def drop_router(self, name: str) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            return evolve(now, routers=_without(now.routers, name))

        await self._changing.change(f"Can't remove router {name}", changed)

    async def plug(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes]
    ) -> tuple[TapNic, ...]:
        """See INodeNetwork."""
        plugged = Plugged(instance, ports, metadata=dict(metadata))

        def changed(now: NetworkState) -> NetworkState:
            now.check_carried(ports)
            return now.with_plugged(plugged)

        await self._changing.change(f"Can't make the NICs of {instance}", changed)
        try:
            await self._scripts.up(self._changing.state, ports)
        except OpExecError:
            await self.unplug(instance)
            raise
        return tuple(self._nic(port) for port in ports)

    async def unplug(self, instance: str) -> None:
        """See INodeNetwork."""
        if instance in self._changing.state.plugged:
            await self._scripts.down(self._changing.state, self.ports(instance))
            await self._changing.change(
                f"Can't remove the NICs of {instance}", lambda now: now.without(instance)
            )

    async def update(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes] | None
    ) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            now.check_carried(ports)
            before = now.plugged.get(instance, Plugged(instance))
            told = before.metadata if metadata is None else dict(metadata)
            return now.with_plugged(evolve(before, ports=ports, metadata=told))

        await self._changing.change(f"Can't change the NICs of {instance}", changed)

    async def plug_one(self, instance: str, port: PortPlan) -> TapNic:
        """See INodeNetwork."""
        others = tuple(each for each in self.ports(instance) if each.uuid != port.uuid)
        await self.update(instance, (*others, port), None)
        try:
            await self._scripts.up(self._changing.state, (port,))
        except OpExecError:
            await self.unplug_one(instance, port.uuid)
            raise
        return self._nic(port)

    async def unplug_one(self, instance: str, uuid: str) -> None:
        """See INodeNetwork."""
        ports = self.ports(instance)
        gone = tuple(port for port in ports if port.uuid == uuid)
        if gone:
            await self._scripts.down(self._changing.state, gone)
            left = tuple(port for port in ports if port.uuid != uuid)
            await self.update(instance, left, None)

    def plugged(self) -> frozenset[str]:
        """See INodeNetwork."""
        return frozenset(self._changing.state.plugged)

    def ports(self, instance: str) -> tuple[PortPlan, ...]:
        """See INodeNetwork."""
        plugged = self._changing.state.plugged.get(instance)
        return () if plugged is None else plugged.ports

    async def close(self) -> None:
        """See INodeNetwork."""
        await self._answering.close()

    async def _carry_singly(self, wanted: Mapping[str, NetworkPlan]) -> None:
        for name in [name for name in self._changing.state.networks if name not in wanted]:
            await self._or_log(self.disconnect(name))
        for network in wanted.values():
            await self._or_log(self.connect(network))

    async def _or_log(self, work: Awaitable[None]) -> None:
        try:
            await work
        except OpExecError as error:
            self._log.error("{error}", error=error)

    def _nic(self, port: PortPlan) -> TapNic:
        plugged = next(each for each in self._changing.state.plugged.values() if port in each.ports)
        mtu = port_mtu(self._changing.state.place(port, plugged))
        tap = tap_name(self._cluster, port.uuid)
        return TapNic(port.mac, tap, mtu or 1500, queues=port.queues)


def _without(things: Mapping[str, T], name: str) -> dict[str, T]:
    return {each: thing for each, thing in things.items() if each != name}
