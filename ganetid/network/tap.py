"""
Networking with bridges and taps, guarded and filtered, perhaps in a network namespace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.hypervisor.interface import TapNic
from ganetid.network.answering import Answering
from ganetid.network.applying import Applying
from ganetid.network.host import Host
from ganetid.network.interface import INodeNetwork
from ganetid.network.kept import Folder, KeptNetworks
from ganetid.network.names import tap_name
from ganetid.network.numbers import NoNumberLeft
from ganetid.network.outside import Outside
from ganetid.network.plan import port_mtu
from ganetid.network.ports import GroupPlan, NetworkPlan, Plugged, PortPlan, RouterPlan
from ganetid.network.state import NetworkState
from ganetid.network.wire.answers import NodeTells
from ganetid.node.programs import ProgramFailed
from ganetid.opcodes.errors import OpExecError

T = TypeVar("T")
FAILURES = (ProgramFailed, OSError, NoNumberLeft, ValueError)


@frozen
class TapSettings:
    """
    How this node's network is run.

    namespace: of bridges, taps and guests; made when absent.  masquerade: nftables can be used.
    dns, mtu: what DHCP tells where a network says nothing.  lease_s: seconds.
    outside: a /30 by which the namespace is joined to the machine, so that guests get out of it.
    """

    namespace: str | None = None
    masquerade: bool = True
    dns: tuple[str, ...] = ()
    lease_s: int = 3600
    mtu: int | None = None
    outside: str | None = None


@implementer(INodeNetwork)
class TapNetwork:
    """
    INodeNetwork over ``ip`` and ``nft``.

    Every change is a new NetworkState: kept on disk, then made true in the kernel.  When that
    fails the former state is kept and made true again.
    """

    mode = "tap"
    _log = Logger()

    def __init__(self, reactor: Any, cluster: str, settings: TapSettings, directory: Path) -> None:
        """cluster: its name.  directory: where the node keeps what it was told."""
        self.namespace = settings.namespace
        self._folder = Folder(directory)
        self._state = NetworkState(cluster)
        self._cluster = cluster
        host = Host(reactor, settings.namespace, settings.masquerade)
        self._applying = Applying(host)
        self._outside = Outside(reactor, cluster, settings.namespace, settings.outside)
        tells = NodeTells(dns=settings.dns, lease_s=settings.lease_s, mtu=settings.mtu)
        self._answering = Answering(reactor, settings.namespace, tells)
        self._one_by_one = DeferredLock()

    async def begin(self, known_running: frozenset[str]) -> None:
        """See INodeNetwork."""
        kept = await deferToThread(self._folder.read)
        networks = {each.name: each for each in kept.networks.plans}
        going = {each.name: each for each in kept.networks.going}
        former = evolve(self._state, numbers=kept.networks.numbers)
        former = evolve(
            former,
            groups={each.name: each for each in kept.groups},
            routers={each.name: each for each in kept.networks.routers},
        )
        former = former.with_networks({**networks, **going})
        for each in kept.plugged:
            former = former.with_plugged(each)
        state = former.with_networks(networks)
        for each in kept.plugged:
            if each.instance not in known_running:
                state = state.without(each.instance)
        await self._applying.begin(state)
        await self._outside.join()
        await self._answering.begin(self._cluster)
        await self._apply(state, former, is_sure=False)
        await self._keep(former, state)
        await self._forget(former, state)

    async def carry(self, networks: tuple[NetworkPlan, ...]) -> None:
        """See INodeNetwork."""
        wanted = {each.name: each for each in networks}
        if wanted == self._state.networks:
            return
        try:
            await self._change("Can't carry the networks", lambda now: now.with_networks(wanted))
        except OpExecError as error:
            self._log.error("{error}", error=error)
            await self._carry_singly(wanted)

    async def connect(self, network: NetworkPlan) -> None:
        """See INodeNetwork."""
        await self._change(
            f"Can't connect network {network.name}",
            lambda now: now.with_networks({**now.networks, network.name: network}),
        )

    async def disconnect(self, network: str) -> None:
        """See INodeNetwork."""
        if network in self._state.networks:
            await self._change(
                f"Can't disconnect network {network}",
                lambda now: now.with_networks(_without(now.networks, network)),
            )

    async def share_groups(self, groups: tuple[GroupPlan, ...]) -> None:
        """See INodeNetwork."""
        known = {each.name: each for each in groups}
        await self._change("Can't share groups", lambda now: evolve(now, groups=known))

    async def change_groups(self, groups: tuple[GroupPlan, ...], gone: tuple[str, ...]) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            kept = {name: each for name, each in now.groups.items() if name not in gone}
            return evolve(now, groups={**kept, **{each.name: each for each in groups}})

        await self._change("Can't change groups", changed)

    async def carry_routers(self, routers: tuple[RouterPlan, ...]) -> None:
        """See INodeNetwork."""
        wanted = {each.name: each for each in routers}
        for name in [name for name in self._state.routers if name not in wanted]:
            await self._or_log(self.drop_router(name))
        for router in routers:
            await self._or_log(self.put_router(router))

    async def put_router(self, router: RouterPlan) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            now.check_joined(router)
            return evolve(now, routers={**now.routers, router.name: router})

        await self._change(f"Can't make router {router.name}", changed)

    async def drop_router(self, name: str) -> None:
        """See INodeNetwork."""

        def changed(now: NetworkState) -> NetworkState:
            return evolve(now, routers=_without(now.routers, name))

        await self._change(f"Can't remove router {name}", changed)

    async def plug(
        self, instance: str, ports: tuple[PortPlan, ...], metadata: Mapping[str, bytes]
    ) -> tuple[TapNic, ...]:
        """See INodeNetwork."""
        plugged = Plugged(instance, ports, metadata=dict(metadata))

        def changed(now: NetworkState) -> NetworkState:
            now.check_carried(ports)
            return now.with_plugged(plugged)

        await self._change(f"Can't make the NICs of {instance}", changed)
        return tuple(self._nic(port) for port in ports)

    async def unplug(self, instance: str) -> None:
        """See INodeNetwork."""
        if instance in self._state.plugged:
            await self._change(
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

        await self._change(f"Can't change the NICs of {instance}", changed)

    async def plug_one(self, instance: str, port: PortPlan) -> TapNic:
        """See INodeNetwork."""
        others = tuple(each for each in self.ports(instance) if each.uuid != port.uuid)
        await self.update(instance, (*others, port), None)
        return self._nic(port)

    async def unplug_one(self, instance: str, uuid: str) -> None:
        """See INodeNetwork."""
        ports = self.ports(instance)
        if any(port.uuid == uuid for port in ports):
            left = tuple(port for port in ports if port.uuid != uuid)
            await self.update(instance, left, None)

    def plugged(self) -> frozenset[str]:
        """See INodeNetwork."""
        return frozenset(self._state.plugged)

    def ports(self, instance: str) -> tuple[PortPlan, ...]:
        """See INodeNetwork."""
        plugged = self._state.plugged.get(instance)
        return () if plugged is None else plugged.ports

    async def close(self) -> None:
        """See INodeNetwork."""
        await self._answering.close()

    async def _carry_singly(self, wanted: Mapping[str, NetworkPlan]) -> None:
        for name in [name for name in self._state.networks if name not in wanted]:
            await self._or_log(self.disconnect(name))
        for network in wanted.values():
            await self._or_log(self.connect(network))

    async def _or_log(self, work: Awaitable[None]) -> None:
        try:
            await work
        except OpExecError as error:
            self._log.error("{error}", error=error)

    async def _change(self, problem: str, change: Callable[[NetworkState], NetworkState]) -> None:
        """One at a time.  Raises OpExecError, and then all is as it was."""
        await self._one_by_one.acquire()
        try:
            await self._change_alone(change)
        except FAILURES as error:
            raise OpExecError(f"{problem}: {error}") from error
        finally:
            self._one_by_one.release()

    async def _change_alone(self, change: Callable[[NetworkState], NetworkState]) -> None:
        before = self._state
        after = change(before)
        if after == before:
            return
        try:
            await self._keep(before, after)
            await self._apply(after, before)
            await self._forget(before, after)
        except FAILURES:
            await self._undo(after, before)
            raise

    async def _undo(self, tried: NetworkState, before: NetworkState) -> None:
        try:
            await self._keep(tried, before)
            await self._apply(before, tried, is_sure=False)
            await self._forget(tried, before)
        except FAILURES as error:
            self._log.error("the network is left half changed: {error}", error=error)

    async def _keep(self, before: NetworkState, after: NetworkState) -> None:
        """Write what is new to the node's files, and what is about to go."""
        if _lasting(before) != _lasting(after):
            await deferToThread(self._folder.put_networks, kept_networks(before, after))
        groups = [each for name, each in after.groups.items() if before.groups.get(name) != each]
        if groups:
            await deferToThread(self._folder.put_groups, groups)
        for name, plugged in after.plugged.items():
            if before.plugged.get(name) != plugged:
                await deferToThread(self._folder.put_plugged, plugged)

    async def _forget(self, before: NetworkState, after: NetworkState) -> None:
        """What has gone is dropped from the node's files."""
        if kept_networks(before, after).going:
            await deferToThread(self._folder.put_networks, kept_networks(after, after))
        gone = [name for name in before.groups if name not in after.groups]
        if gone:
            await deferToThread(self._folder.drop_groups, gone)
        for name in before.plugged:
            if name not in after.plugged:
                await deferToThread(self._folder.drop_plugged, name)

    async def _apply(self, state: NetworkState, former: NetworkState, is_sure: bool = True) -> None:
        """Answers come from the new state before guests can ask; former: what may be there."""
        self._answering.know(state)
        await self._outside.bring([each.uplink for each in state.networks.values() if each.uplink])
        applied = await self._applying.apply(former, state, is_sure)
        self._answering.know(applied)
        new = public_of(applied) - public_of(self._state)
        self._state = applied
        if new:
            self._answering.announce(self._applying.outside, new)

    def _nic(self, port: PortPlan) -> TapNic:
        plugged = next(each for each in self._state.plugged.values() if port in each.ports)
        mtu = port_mtu(self._state.place(port, plugged))
        tap = tap_name(self._cluster, port.uuid)
        return TapNic(port.mac, tap, mtu or 1500, queues=port.queues)


def kept_networks(before: NetworkState, after: NetworkState) -> KeptNetworks:
    """What is carried after a change, and what of before is to go."""
    going = (each for name, each in before.networks.items() if after.networks.get(name) != each)
    return KeptNetworks(
        plans=tuple(after.networks.values()),
        going=tuple(going),
        numbers=dict(after.numbers),
        routers=tuple(after.routers.values()),
    )


def _lasting(state: NetworkState) -> tuple[Any, ...]:
    """What is kept in one file."""
    return state.networks, state.numbers, state.routers


def public_of(state: NetworkState) -> frozenset[str]:
    """All public addresses of guests."""
    return frozenset(
        each.public
        for plugged in state.plugged.values()
        for port in plugged.ports
        for each in port.floating
    )


def _without(things: Mapping[str, T], name: str) -> dict[str, T]:
    return {each: thing for each, thing in things.items() if each != name}


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 address."""
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdecimal() and int(part) < 256 for part in parts)
