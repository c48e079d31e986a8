"""
Guests as QEMU processes of their own, which outlive this one and are found again.

A run's files are in ``<run directory>/<instance>/``.  QEMU removes its pid file when it ends in
good order, so a directory without one belonged to a guest that went off by itself, and a pid file
without its process to one that died.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from ganetid.hypervisor.command_line import Machine, Places, is_of_pid_file, qemu_arguments
from ganetid.hypervisor.guest_run import GUEST_REASONS, GuestRun
from ganetid.hypervisor.interface import ConsolePlace, Ended, Guest, IHypervisor, Listener
from ganetid.hypervisor.process import arguments_of, pid_in
from ganetid.hypervisor.qmp_link import QmpGone, QmpRefused
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.errors import HypervisorError

START_TIMEOUT_S = 60.0
PRESS_AGAIN_S = 5.0
QUIT_PATIENCE_S = 3.0
KILL_PATIENCE_S = 10.0
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
        self._directory = run_directory
        self._console_log = console_log
        self._machine = machine
        self._runs: dict[str, GuestRun] = {}
        self._kept: set[str] = set()
        self._listener: Listener | None = None

    async def recover(self, names: tuple[str, ...]) -> tuple[Ended, ...]:
        """See IHypervisor."""
        self._kept = set(await deferToThread(self._names_on_disk))
        for name in sorted(self._kept):
            await self._find(name)
        return tuple(self._how_it_ended(name) for name in names if name not in self._runs)

    async def start(self, guest: Guest) -> None:
        """See IHypervisor."""
        if guest.name in self._runs:
            raise HypervisorError(f"Instance {guest.name} is running already")
        places = self.places(guest.name)
        await deferToThread(self._prepare, guest.name)
        self._kept.add(guest.name)
        try:
            arguments = qemu_arguments(guest, self._machine(), places)
            await run(self._reactor, arguments, timeout_s=START_TIMEOUT_S)
            await self._attach(guest.name)
        except (ProgramFailed, QmpGone, QmpRefused, OSError) as error:
            await self.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} did not start: {error}") from error
        if not await self._runs[guest.name].is_running():
            await self.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} started, but does not run")
        self._log.info("guest {name} started", name=guest.name)

    async def stop(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor."""
        guest = self._runs.get(name)
        if guest is None:
            return True
        guest.ended_by_us = True
        if timeout_s > 0 and await self._power_down(guest, timeout_s):
            return True
        await self._end(guest)
        return False

    async def reset(self, name: str) -> None:
        """See IHypervisor."""
        await self._run_of(name).ask("system_reset")

    async def reboot(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor.  The guest is asked by ctrl-alt-delete, for there is no better way."""
        guest = self._run_of(name)
        await guest.ask("send-key", keys=CTRL_ALT_DELETE)
        rebooted = await guest.was_reset.within(timeout_s)
        if guest.is_gone:
            raise HypervisorError(f"Instance {name} went off instead of rebooting")
        if not rebooted:
            await guest.ask("system_reset")
        return rebooted

    def running(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._runs)

    async def verify(self, name: str) -> bool:
        """See IHypervisor."""
        guest = self._runs.get(name)
        return guest is not None and await guest.is_running()

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        guest = self._runs.get(name)
        if guest is not None:
            guest.ended_by_us = True
            await self._end(guest)
        elif name in self._kept:
            await self._end_unattached(name)
        await deferToThread(shutil.rmtree, self._directory / name, ignore_errors=True)
        self._kept.discard(name)

    def kept(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._kept)

    def console(self, name: str) -> ConsolePlace:
        """See IHypervisor."""
        places = self.places(name)
        return ConsolePlace(vnc=places.vnc, serial=places.serial)

    def watch(self, listener: Listener) -> None:
        """See IHypervisor."""
        self._listener = listener

    async def close(self) -> None:
        """See IHypervisor."""
        self._listener = None
        for guest in self._runs.values():
            guest.let_go()
        self._runs.clear()

    def places(self, name: str) -> Places:
        """The files of the guest's run."""
        directory = self._directory / name
        return Places(
            pid=str(directory / "qemu.pid"),
            qmp=str(directory / "qmp.sock"),
            serial=str(directory / "serial.sock"),
            serial_log=str(self._console_log(name)),
            vnc=str(directory / "vnc.sock"),
            log=str(directory / "qemu.log"),
        )

    def _run_of(self, name: str) -> GuestRun:
        guest = self._runs.get(name)
        if guest is None:
            raise HypervisorError(f"Instance {name} is not running")
        return guest

    def _names_on_disk(self) -> list[str]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [path.name for path in self._directory.iterdir() if path.is_dir()]

    def _prepare(self, name: str) -> None:
        directory = self._directory / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700, parents=True)
        log = self._console_log(name)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.touch(mode=0o600)

    async def _attach(self, name: str) -> None:
        """Watch the QEMU that was just started.  Raises QmpGone, QmpRefused, OSError."""
        places = self.places(name)
        pid = pid_in(Path(places.pid))
        if pid is None:
            raise QmpGone("QEMU went at once")
        guest = GuestRun(self._reactor, name, pid, places.qmp, self._ended)
        self._runs[name] = guest
        await guest.link()

    async def _find(self, name: str) -> None:
        """Watch the guest again, if it lives."""
        places = self.places(name)
        pid = pid_in(Path(places.pid))
        if pid is None or not is_of_pid_file(arguments_of(pid), places.pid):
            return
        try:
            guest = GuestRun(self._reactor, name, pid, places.qmp, self._ended)
        except ProcessLookupError:
            return
        self._runs[name] = guest
        try:
            await guest.link()
        except (QmpGone, QmpRefused) as error:
            self._log.warn("guest {name} lives but is mute: {error}", name=name, error=error)
            guest.link_in_background()
        self._log.info("guest {name} was found running", name=name)

    def _how_it_ended(self, name: str) -> Ended:
        in_order = name in self._kept and not Path(self.places(name).pid).exists()
        reason = "guest-shutdown" if in_order else "its QEMU is gone"
        return Ended(name, by_guest=in_order, reason=reason)

    async def _power_down(self, guest: GuestRun, timeout_s: float) -> bool:
        """
        Press the power button, again every 5 s: a guest that is still booting misses it.

        Returns whether the guest went within the time.
        """
        left_s = timeout_s
        while left_s > 0 and not guest.is_gone:
            try:
                await guest.ask("system_powerdown")
            except HypervisorError as error:
                self._log.debug("guest {name}: {error}", name=guest.name, error=error)
            if await guest.gone.within(min(PRESS_AGAIN_S, left_s)):
                return True
            left_s -= PRESS_AGAIN_S
        return guest.name not in self._runs

    async def _end(self, guest: GuestRun) -> None:
        """End it: first so that QEMU flushes its disks, then by force."""
        if not guest.is_gone:
            try:
                await guest.ask("quit")
            except HypervisorError as error:
                self._log.debug("guest {name}: {error}", name=guest.name, error=error)
            else:
                await self._wait(guest, QUIT_PATIENCE_S)
        if guest.name in self._runs:
            guest.process.kill()
            if not await self._wait(guest, KILL_PATIENCE_S):
                raise HypervisorError(f"The QEMU of {guest.name} can't be killed")

    async def _wait(self, guest: GuestRun, seconds: float) -> bool:
        if guest.name in self._runs:
            await guest.gone.within(seconds)
        return guest.name not in self._runs

    async def _end_unattached(self, name: str) -> None:
        """End a QEMU that started but that we could not watch."""
        await self._find(name)
        guest = self._runs.get(name)
        if guest is not None:
            guest.ended_by_us = True
            await self._end(guest)

    def _ended(self, guest: GuestRun) -> None:
        if self._runs.get(guest.name) is guest:
            del self._runs[guest.name]
        reason = guest.shutdown_reason or "its QEMU died"
        self._log.info("guest {name} ended: {reason}", name=guest.name, reason=reason)
        if not guest.ended_by_us and self._listener is not None:
            self._listener(Ended(guest.name, guest.shutdown_reason in GUEST_REASONS, reason))
