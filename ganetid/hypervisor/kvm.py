"""
Guests as QEMU processes of their own, which outlive this one and are found again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.hypervisor import hotplug, reconnect, unprivileged, usage
from ganetid.hypervisor.command_line import Machine, whole
from ganetid.hypervisor.ending import Ending
from ganetid.hypervisor.guest_agent import ask_agent
from ganetid.hypervisor.guest_run import MIB
from ganetid.hypervisor.interface import (
    ChangeListener,
    ConsolePlace,
    Drive,
    Ended,
    Guest,
    IHypervisor,
    Listener,
    Migrated,
    MigrationDoor,
    MigrationSettings,
    NicDevice,
    ProgressListener,
    Shape,
    State,
    Statistics,
)
from ganetid.hypervisor.paths import Places
from ganetid.hypervisor.runs import Runs
from ganetid.hypervisor.shaping import shape_of
from ganetid.hypervisor.sleep import Sleep
from ganetid.hypervisor.travel import Travel
from ganetid.opcodes.errors import HypervisorError

RESET_PATIENCE_S = 5.0
RESET_SETTLES_S = 1.0
CTRL_ALT_DELETE = [{"type": "qcode", "data": key} for key in ("ctrl", "alt", "delete")]


@implementer(IHypervisor)
class KvmHypervisor:
    """
    IHypervisor over QEMU, accelerated by KVM where that works, else emulated.

    run_directory: where the files of runs are.  console_log: a guest's serial log.
    machine: how to run guests, asked at every start.
    """

    name = "kvm"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        run_directory: Path,
        console_log: Callable[[str], Path],
        machine: Callable[[], Machine],
    ) -> None:
        self._reactor = reactor
        self.runs = Runs(reactor, run_directory, console_log, machine)
        self._travel = Travel(self.runs)
        self._sleep = Sleep(self.runs, self._travel)

    async def recover(self, names: tuple[str, ...]) -> tuple[Ended, ...]:
        """See IHypervisor."""
        return await self.runs.recover(names)

    async def start(self, guest: Guest) -> None:
        """See IHypervisor."""
        guest = whole(guest)
        run = await self.runs.launch(guest, is_incoming=False)
        try:
            await self.runs.set_up(run, guest)
            await run.ask("cont")
            if not await run.is_running():
                raise HypervisorError(f"Instance {guest.name} started, but does not run")
        except HypervisorError:
            await self.clear(guest.name)
            raise
        self._log.info("guest {name} started", name=guest.name)

    async def stop(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor."""
        run = self.runs.alive.get(name)
        if run is None:
            return True
        run.ended_by_us = True
        ending = Ending(run)
        if timeout_s > 0 and not run.is_elsewhere and await ending.power_down(timeout_s):
            return True
        await ending.at_once()
        return False

    async def reset(self, name: str) -> None:
        """See IHypervisor."""
        run, started = self.runs.here(name), await self.runs.started(name)
        if started.hvparams["reboot_behavior"] != "exit":
            await run.ask("system_reset")
            return
        # Only reboots of the guest's own end it; but the BIOS, reset in mid-work, makes more.
        happened = run.expect("RESET", guest=True)
        await run.ask("set-action", reboot="reset")
        try:
            await run.ask("system_reset")
            await happened.within(RESET_PATIENCE_S)
            await run.gone.within(RESET_SETTLES_S)
        finally:
            happened.let_go()
            await run.ask_quietly("set-action", reboot="shutdown")

    async def reboot(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor.  The guest is asked by ctrl-alt-delete, for there is no better way."""
        run = self.runs.here(name)
        await run.ask("send-key", keys=CTRL_ALT_DELETE)
        rebooted = await run.was_reset.within(timeout_s)
        if run.is_gone:
            raise HypervisorError(f"Instance {name} went off instead of rebooting")
        if not rebooted:
            await self.reset(name)
        return rebooted

    async def pause(self, name: str) -> None:
        """See IHypervisor."""
        run = self.runs.here(name)
        await run.ask("stop")
        await run.refresh()

    async def resume(self, name: str) -> None:
        """See IHypervisor."""
        run = self.runs.here(name)
        await run.ask("cont")
        await run.refresh()

    async def interrupt(self, name: str) -> None:
        """See IHypervisor."""
        await self.runs.here(name).ask("inject-nmi")

    async def suspend(self, name: str, memory: Path) -> None:
        """See IHypervisor."""
        await self._sleep.suspend(name, memory)

    async def wake(self, guest: Guest, memory: Path) -> None:
        """See IHypervisor."""
        await self._sleep.wake(guest, memory)

    def running(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(name for name, run in self.runs.alive.items() if not run.is_elsewhere)

    def state(self, name: str) -> State | None:
        """See IHypervisor."""
        run = self.runs.alive.get(name)
        return None if run is None else run.state

    async def verify(self, name: str) -> bool:
        """See IHypervisor."""
        run = self.runs.alive.get(name)
        return run is not None and await run.is_running()

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        await self.runs.clear(name)

    def kept(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self.runs.kept)

    def console(self, name: str) -> ConsolePlace:
        """See IHypervisor."""
        places = self.places(name)
        return self.runs.screens.get(name) or ConsolePlace(places.vnc, places.serial)

    async def plug_drive(self, name: str, drive: Drive, index: int) -> None:
        """See IHypervisor."""
        run = self.runs.here(name)
        started = await self.runs.started(name)
        home = self.runs.machine().home
        await deferToThread(unprivileged.give_drive, run.name, run.process.pid, drive, home)
        await hotplug.plug_drive(run, drive, index, started.hvparams)

    async def unplug_drive(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        await hotplug.unplug_drive(self.runs.here(name), uuid, timeout_s)

    async def plug_nic(self, name: str, nic: NicDevice, index: int) -> None:
        """See IHypervisor."""
        run = self.runs.here(name)
        started = await self.runs.started(name)
        identity = await deferToThread(unprivileged.identity_of_process, run.process.pid)
        given = await self.runs.given(nic, identity, started.namespace)
        await hotplug.plug_nic(run, given, index, started.hvparams)

    async def unplug_nic(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        await hotplug.unplug_nic(self.runs.here(name), uuid, timeout_s)

    async def devices(self, name: str) -> frozenset[str]:
        """See IHypervisor."""
        return await hotplug.uuids(self.runs.here(name))

    async def resize_drive(self, name: str, uuid: str, size_bytes: int) -> None:
        """See IHypervisor."""
        await reconnect.resize(self.runs.here(name), uuid, size_bytes)

    async def set_memory(self, name: str, memory_mib: int) -> None:
        """See IHypervisor."""
        run = self.runs.here(name)
        most = (await run.ask("query-memory-size-summary"))["base-memory"] // MIB
        if not 0 < memory_mib <= most:
            raise HypervisorError(f"Instance {name} has {most} MiB at most")
        await run.ask("balloon", value=memory_mib * MIB)

    async def statistics(self, name: str) -> Statistics:
        """See IHypervisor."""
        return await usage.statistics(self.runs.here(name))

    async def agent(
        self,
        name: str,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        timeout_s: float = 5.0,
    ) -> Any:
        """See IHypervisor."""
        self.runs.here(name)
        if not (await self.runs.started(name)).hvparams["use_guest_agent"]:
            raise HypervisorError(f"Instance {name} has no guest agent: use_guest_agent is off")
        socket = self.places(name).agent
        try:
            return await ask_agent(self._reactor, socket, command, arguments or {}, timeout_s)
        except HypervisorError as error:
            raise HypervisorError(f"Instance {name}: {error}") from error

    async def shape(self, name: str) -> Shape:
        """See IHypervisor."""
        return await shape_of(self.runs.here(name), await self.runs.started(name))

    async def expect(self, guest: Guest, door: MigrationDoor | None = None) -> str:
        """See IHypervisor."""
        return await self._travel.expect(guest, door)

    async def migrate(
        self,
        name: str,
        uri: str,
        settings: MigrationSettings | None = None,
        progress: ProgressListener | None = None,
    ) -> Migrated:
        """See IHypervisor."""
        return await self._travel.migrate(name, uri, settings, progress)

    async def settle(self, name: str, run: bool = True) -> None:
        """See IHypervisor."""
        await self._travel.settle(name, run)

    async def abort(self, name: str) -> None:
        """See IHypervisor."""
        await self._travel.abort(name)

    def watch(self, listener: Listener, changes: ChangeListener | None = None) -> None:
        """See IHypervisor."""
        self.runs.listener = listener
        self.runs.changes = changes

    async def close(self) -> None:
        """See IHypervisor."""
        self.runs.close()

    def places(self, name: str) -> Places:
        """The files of the guest's run."""
        return self.runs.places(name)
