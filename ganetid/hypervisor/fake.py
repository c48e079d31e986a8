"""
A hypervisor that runs nothing, for tests and for load tests of the cluster layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.hypervisor.device_ids import same_device
from ganetid.hypervisor.interface import (
    ELSEWHERE,
    Changed,
    ChangeListener,
    ConsolePlace,
    Drive,
    Ended,
    Guest,
    IHypervisor,
    Listener,
    Migrated,
    MigrationDoor,
    MigrationProgress,
    MigrationSettings,
    NicDevice,
    ProgressListener,
    Shape,
    State,
    Statistics,
)
from ganetid.opcodes.errors import HypervisorError


@implementer(IHypervisor)
class FakeHypervisor:
    """
    IHypervisor in memory.

    world: the guests that "run"; hand it to another FakeHypervisor to play a restart, with
    `states`, of those that don't just run.
    start_s: how long a start takes.  held: while it is set, starts wait for it.
    Names that hold ``unstartable`` don't start.  Nothing is sent to a destination: it believes
    whoever says that the guest has arrived.
    """

    name = "fake"

    def __init__(
        self,
        reactor: Any,
        world: dict[str, Guest] | None = None,
        start_s: float = 0.0,
        states: dict[str, State] | None = None,
    ) -> None:
        self._reactor = reactor
        self._world: dict[str, Guest] = {} if world is None else world
        self._states: dict[str, State] = {} if states is None else states
        self._start_s = start_s
        self.held: Deferred[None] | None = None
        self._listener: Listener | None = None
        self._changes: ChangeListener | None = None
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
        self._states.pop(name, None)
        was_running = self._world.pop(name, None) is not None
        return timeout_s > 0 or not was_running

    async def reset(self, name: str) -> None:
        """See IHypervisor."""
        self._here(name)
        self._tell(Changed(name, "reset"))

    async def reboot(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor."""
        await self.reset(name)
        return timeout_s > 0

    async def pause(self, name: str) -> None:
        """See IHypervisor."""
        self._here(name)
        self._set(name, State.PAUSED)

    async def resume(self, name: str) -> None:
        """See IHypervisor."""
        self._here(name)
        self._set(name, State.RUNNING)

    async def interrupt(self, name: str) -> None:
        """See IHypervisor."""
        self._here(name)

    async def suspend(self, name: str, memory: Path) -> None:
        """See IHypervisor.  What it remembers is its name."""
        self._here(name)
        await deferToThread(memory.write_text, name)
        await self.clear(name)

    async def wake(self, guest: Guest, memory: Path) -> None:
        """See IHypervisor."""
        if guest.name in self.running():
            return
        if not await deferToThread(memory.exists):
            raise HypervisorError(f"Instance {guest.name} has no memory kept")
        await self.start(guest)

    def running(self) -> frozenset[str]:
        """See IHypervisor."""
        if not self._states:
            return frozenset(self._world)
        return frozenset(name for name in self._world if self.state(name) not in ELSEWHERE)

    def state(self, name: str) -> State | None:
        """See IHypervisor."""
        return self._states.get(name, State.RUNNING) if name in self._world else None

    async def verify(self, name: str) -> bool:
        """See IHypervisor."""
        return self.state(name) is State.RUNNING

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        self._world.pop(name, None)
        self._states.pop(name, None)
        self._kept.discard(name)

    def kept(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._kept)

    def console(self, name: str) -> ConsolePlace:
        """See IHypervisor."""
        return ConsolePlace(vnc=None, serial=None)

    async def plug_drive(self, name: str, drive: Drive, index: int) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        self._refuse_twice(guest, drive.uuid)
        self._world[name] = evolve(guest, drives=(*guest.drives, drive))

    async def unplug_drive(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        left = tuple(each for each in guest.drives if not same_device(each.uuid, uuid))
        self._world[name] = evolve(guest, drives=left)

    async def plug_nic(self, name: str, nic: NicDevice, index: int) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        self._refuse_twice(guest, nic.uuid)
        self._world[name] = evolve(guest, nics=(*guest.nics, nic))

    async def unplug_nic(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        left = tuple(each for each in guest.nics if not same_device(each.uuid, uuid))
        self._world[name] = evolve(guest, nics=left)

    async def devices(self, name: str) -> frozenset[str]:
        """See IHypervisor."""
        guest = self._here(name)
        return frozenset(each.uuid[:18] for each in (*guest.drives, *guest.nics) if each.uuid)

    async def resize_drive(self, name: str, uuid: str, size_bytes: int) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        if not any(same_device(each.uuid, uuid) for each in guest.drives):
            raise HypervisorError(f"Instance {name} has no disk {uuid}")

    async def set_memory(self, name: str, memory_mib: int) -> None:
        """See IHypervisor."""
        guest = self._here(name)
        if not 0 < memory_mib <= guest.memory_mib:
            raise HypervisorError(f"Instance {name} has {guest.memory_mib} MiB at most")
        self._world[name] = evolve(guest, start_memory_mib=memory_mib)
        self._tell(Changed(name, "balloon", str(memory_mib)))

    async def statistics(self, name: str) -> Statistics:
        """See IHypervisor."""
        guest = self._here(name)
        return Statistics(guest.start_memory_mib or guest.memory_mib, 0, 0.0)

    async def agent(
        self,
        name: str,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        timeout_s: float = 5.0,
    ) -> Any:
        """See IHypervisor.  No agent runs in what does not run."""
        self._here(name)
        raise HypervisorError(f"Instance {name} has no guest agent")

    async def shape(self, name: str) -> Shape:
        """See IHypervisor."""
        guest = self._here(name)
        return Shape("fake", guest.memory_mib, guest.vcpus, guest.hvparams)

    async def expect(self, guest: Guest, door: MigrationDoor | None = None) -> str:
        """See IHypervisor."""
        await self.start(guest)
        self._states[guest.name] = State.ARRIVING
        return f"fake:{guest.name}"

    async def migrate(
        self,
        name: str,
        uri: str,
        settings: MigrationSettings | None = None,
        progress: ProgressListener | None = None,
    ) -> Migrated:
        """See IHypervisor."""
        if self.state(name) is State.LEFT:
            return Migrated(0, 0, 0, 0)
        guest = self._here(name)
        if uri != f"fake:{name}":
            raise HypervisorError(f"Instance {name} can't be sent to {uri}")
        total = guest.memory_mib * 1024 * 1024
        if progress is not None:
            progress(MigrationProgress(total, 0, total, 1))
        was_running = self.state(name) is State.RUNNING
        self._states[name] = State.LEFT
        return Migrated(0, 0, 0, total, was_running)

    async def settle(self, name: str, run: bool = True) -> None:
        """See IHypervisor."""
        match self.state(name):
            case State.LEFT:
                await self.clear(name)
            case State.ARRIVING | State.ARRIVED:
                self._set(name, State.RUNNING if run else State.PAUSED)

    async def abort(self, name: str) -> None:
        """See IHypervisor."""
        match self.state(name):
            case State.LEFT:
                self._set(name, State.RUNNING)
            case State.ARRIVING | State.ARRIVED:
                await self.clear(name)

    def watch(self, listener: Listener, changes: ChangeListener | None = None) -> None:
        """See IHypervisor."""
        self._listener = listener
        self._changes = changes

    async def close(self) -> None:
        """See IHypervisor."""
        self._listener = self._changes = None

    def guest(self, name: str) -> Guest:
        """What was started under this name."""
        return self._world[name]

    def power_off(self, name: str, by_guest: bool = True) -> None:
        """Play a guest that powers itself off, or one that dies."""
        del self._world[name]
        self._states.pop(name, None)
        if self._listener is not None:
            reason = "guest-shutdown" if by_guest else "its QEMU died"
            self._listener(Ended(name, by_guest, reason))

    def _here(self, name: str) -> Guest:
        """The guest that runs or is paused here."""
        state = self.state(name)
        if state is None:
            raise HypervisorError(f"Instance {name} is not running")
        if state in ELSEWHERE:
            raise HypervisorError(f"Instance {name} is on its way to another node")
        return self._world[name]

    def _set(self, name: str, state: State) -> None:
        if self.state(name) is not state:
            self._states[name] = state
            if state is State.RUNNING:
                del self._states[name]
            self._tell(Changed(name, state.value))

    def _refuse_twice(self, guest: Guest, uuid: str | None) -> None:
        if uuid is None:
            raise HypervisorError("A device without a uuid can't be plugged")
        if any(same_device(each.uuid, uuid) for each in (*guest.drives, *guest.nics)):
            raise HypervisorError(f"Instance {guest.name} has the device {uuid} already")

    def _tell(self, change: Changed) -> None:
        if self._changes is not None:
            self._changes(change)
