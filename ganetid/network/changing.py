"""
A node's network from one state to the next: kept on disk, then made true; or all is as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.network.answering import Answering
from ganetid.network.applying import Applying
from ganetid.network.host import Host
from ganetid.network.kept import Folder, Kept, KeptNetworks
from ganetid.network.numbers import NoNumberLeft
from ganetid.network.outside import Outside
from ganetid.network.state import NetworkState
from ganetid.node.programs import ProgramFailed
from ganetid.opcodes.errors import OpExecError

FAILURES = (ProgramFailed, OSError, NoNumberLeft, ValueError)


class Changing:
    """
    `state` is what is true.  Every change is a new NetworkState: written to the node's files, then
    made true in the kernel.  When that fails the former state is kept and made true again.
    """

    _log = Logger()

    def __init__(
        self, host: Host, outside: Outside, answering: Answering, cluster: str, directory: Path
    ) -> None:
        """cluster: its name.  directory: where the node keeps what it was told."""
        self.state = NetworkState(cluster)
        self._folder = Folder(directory)
        self._applying = Applying(host)
        self._outside = outside
        self._answering = answering
        self._one_by_one = DeferredLock()

    async def begin(self, known_running: frozenset[str]) -> tuple[NetworkState, NetworkState]:
        """
        Make true what was kept, without the NICs of guests that do not run; it, as it was kept and
        as it is.
        """
        kept = await deferToThread(self._folder.read)
        former = _former(self.state, kept)
        state = former.with_networks({each.name: each for each in kept.networks.plans})
        for each in kept.plugged:
            if each.instance not in known_running:
                state = state.without(each.instance)
        await self._applying.begin(state)
        await self._outside.join()
        await self._answering.begin(state.cluster)
        await self._apply(state, former, is_sure=False)
        await self._keep(former, state)
        await self._forget(former, state)
        return former, state

    async def change(self, problem: str, change: Callable[[NetworkState], NetworkState]) -> None:
        """One at a time.  Raises OpExecError, and then all is as it was."""
        await self._one_by_one.acquire()
        try:
            await self._change_alone(change)
        except FAILURES as error:
            raise OpExecError(f"{problem}: {error}") from error
        finally:
            self._one_by_one.release()

    async def _change_alone(self, change: Callable[[NetworkState], NetworkState]) -> None:
        before = self.state
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
        has_same_ports = is_sure and evolve(former, groups=state.groups) == state
        if has_same_ports and await self._applying.change_groups(former, state):
            self.state = state
            return
        self._answering.know(state)
        await self._outside.bring([each.uplink for each in state.networks.values() if each.uplink])
        applied = await self._applying.apply(former, state, is_sure)
        self._answering.know(applied)
        new = public_of(applied) - public_of(self.state)
        self.state = applied
        if new:
            self._answering.announce(self._applying.outside, new)


def _former(nothing: NetworkState, kept: Kept) -> NetworkState:
    """What may be there: also what was about to go."""
    networks = (*kept.networks.plans, *kept.networks.going)
    state = evolve(
        nothing,
        numbers=kept.networks.numbers,
        groups={each.name: each for each in kept.groups},
        routers={each.name: each for each in kept.networks.routers},
    ).with_networks({each.name: each for each in networks})
    for each in kept.plugged:
        state = state.with_plugged(each)
    return state


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
        each for plugged in state.plugged.values() for port in plugged.ports for each in port.public
    )
