"""
A hypervisor that runs nothing, for tests and for load tests of the cluster layer.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from ganetid.hypervisor.interface import ConsolePlace, Ended, Guest, IHypervisor, Listener
from ganetid.opcodes.errors import HypervisorError


@implementer(IHypervisor)
class FakeHypervisor:
    """
    IHypervisor in memory.

    world: the guests that "run"; hand it to another FakeHypervisor to play a restart.
    start_s: how long a start takes.  held: while it is set, starts wait for it.
    Names that hold ``unstartable`` don't start.
    """

    name = "fake"

    def __init__(
        self, reactor: Any, world: dict[str, Guest] | None = None, start_s: float = 0.0
    ) -> None:
        self._reactor = reactor
        self._world: dict[str, Guest] = {} if world is None else world
        self._start_s = start_s
        self.held: Deferred[None] | None = None
        self._listener: Listener | None = None
        self._kept: set[str] = set()

    async def recover(self, names: tuple[str, ...]) -> tuple[Ended, ...]:
        """See IHypervisor."""
        self._kept |= set(self._world)
        return tuple(
            Ended(name, by_guest=False, reason="its QEMU is gone")
            for name in names
            if name not in self._world
        )

    async def start(self, guest: Guest) -> None:
        """See IHypervisor."""
        if guest.name in self._world:
            raise HypervisorError(f"Instance {guest.name} is running already")
        if self._start_s:
            await deferLater(self._reactor, self._start_s)
        if self.held is not None:
            await self.held
        if "unstartable" in guest.name:
            raise HypervisorError(f"Instance {guest.name} did not start: it never does")
        self._world[guest.name] = guest
        self._kept.add(guest.name)

    async def stop(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor.  These guests always obey, given any time."""
        was_running = self._world.pop(name, None) is not None
        return timeout_s > 0 or not was_running

    async def reset(self, name: str) -> None:
        """See IHypervisor."""
        if name not in self._world:
            raise HypervisorError(f"Instance {name} is not running")

    async def reboot(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor."""
        await self.reset(name)
        return timeout_s > 0

    def running(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._world)

    async def verify(self, name: str) -> bool:
        """See IHypervisor."""
        return name in self._world

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        self._world.pop(name, None)
        self._kept.discard(name)

    def kept(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._kept)

    def console(self, name: str) -> ConsolePlace:
        """See IHypervisor."""
        return ConsolePlace(vnc=None, serial=None)

    def watch(self, listener: Listener) -> None:
        """See IHypervisor."""
        self._listener = listener

    async def close(self) -> None:
        """See IHypervisor."""
        self._listener = None

    def guest(self, name: str) -> Guest:
        """What was started under this name."""
        return self._world[name]

    def power_off(self, name: str, by_guest: bool = True) -> None:
        """Play a guest that powers itself off, or one that dies."""
        del self._world[name]
        if self._listener is not None:
            reason = "guest-shutdown" if by_guest else "its QEMU died"
            self._listener(Ended(name, by_guest, reason))
