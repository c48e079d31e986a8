"""
The runs of one node's guests: started, found again, watched, cleared away.

A run's files are in ``<run directory>/<instance>/``.  QEMU removes its pid file when it ends in
good order, so a directory without one belonged to a guest that went off by itself, and a pid file
without its process to one that died.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS, BadKvmParameter, check_together
from ganetid.hypervisor import pinning, run_directory, spice, unprivileged
from ganetid.hypervisor.command_line import Machine, Run, qemu_arguments
from ganetid.hypervisor.consoles import vnc_socket
from ganetid.hypervisor.ending import Ending
from ganetid.hypervisor.guest_run import GUEST_REASONS, MIB, GuestRun
from ganetid.hypervisor.interface import ChangeListener, Listener
from ganetid.hypervisor.launch import QMP_FD, last_words, spawn
from ganetid.hypervisor.paths import Places, places_in
from ganetid.hypervisor.qmp_link import QmpGone, QmpRefused
from ganetid.hypervisor.run_directory import Prepared, Started
from ganetid.hypervisor.unprivileged import Identity
from ganetid.hypervisor.values import (
    Changed,
    ConsolePlace,
    Ended,
    Guest,
    NicDevice,
    State,
    TapNic,
)
from ganetid.network.namespace import within
from ganetid.opcodes.errors import HypervisorError

START_TIMEOUT_S = 60.0


class Runs:
    """
    directory: where the files of runs are.  console_log: a guest's serial log.
    machine: how to run guests, asked at every start.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        console_log: Callable[[str], Path],
        machine: Callable[[], Machine],
    ) -> None:
        self._reactor = reactor
        self._directory = directory
        self._console_log = console_log
        self.machine = machine
        self.alive: dict[str, GuestRun] = {}
        self.kept: set[str] = set()
        self.screens: dict[str, ConsolePlace] = {}
        self.listener: Listener | None = None
        self.changes: ChangeListener | None = None

    async def recover(self, names: tuple[str, ...]) -> tuple[Ended, ...]:
        """See IHypervisor."""
        self.kept = set(await deferToThread(self._names_on_disk))
        processes = await deferToThread(run_directory.processes, self._directory)
        for name in sorted(self.kept & set(processes)):
            await self._find(name, processes[name])
        return tuple(self._how_it_ended(name) for name in names if name not in self.alive)

    async def launch(self, guest: Guest, is_incoming: bool) -> GuestRun:
        """
        Start a QEMU that waits for the order to let its guest go, and watch it.

        guest: with all its parameters.  Raises HypervisorError, and then nothing of it is left.
        """
        if guest.name in self.alive:
            raise HypervisorError(f"Instance {guest.name} is running already")
        try:
            check_together(guest.hvparams)
        except BadKvmParameter as error:
            raise HypervisorError(f"Instance {guest.name}: {error}") from error
        machine, places = self.machine(), self.places(guest.name)
        self.kept.add(guest.name)
        try:
            prepared = await deferToThread(
                run_directory.prepare, guest, machine, places, is_incoming
            )
            return await self._spawn(guest, machine, prepared, is_incoming)
        except (HypervisorError, QmpGone, QmpRefused, OSError) as error:
            reason = await deferToThread(last_words, places) or error
            await self.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} did not start: {reason}") from error

    async def set_up(self, run: GuestRun, guest: Guest) -> None:
        """What has no place on a command line.  Raises HypervisorError."""
        protocol = "spice" if spice.is_wanted(guest.hvparams) else "vnc"
        password = await deferToThread(run_directory.password_of, guest.hvparams, protocol)
        if password is not None:
            await run.ask("set_password", protocol=protocol, password=password)
        await pinning.pin(run, guest.hvparams["cpu_mask"])
        if guest.start_memory_mib is not None and guest.start_memory_mib < guest.memory_mib:
            await run.ask("balloon", value=guest.start_memory_mib * MIB)

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        run = self.alive.get(name)
        if run is None and name in self.kept:
            run = await self._unattached(name)
        if run is not None:
            run.ended_by_us = True
            await Ending(run).at_once()
        await deferToThread(shutil.rmtree, self._directory / name, ignore_errors=True)
        self.kept.discard(name)

    def here(self, name: str, is_left_too: bool = False) -> GuestRun:
        """The run of a guest that is here, running or paused.  Raises HypervisorError."""
        run = self.alive.get(name)
        if run is None:
            raise HypervisorError(f"Instance {name} is not running")
        if run.is_elsewhere and not (is_left_too and run.state is State.LEFT):
            raise HypervisorError(f"Instance {name} is on its way to another node")
        return run

    async def started(self, name: str) -> Started:
        """How the guest was started.  Raises HypervisorError."""
        started = await deferToThread(run_directory.started, self.places(name))
        if started is None:
            raise HypervisorError(f"It is not known how instance {name} was started")
        return evolve(started, hvparams={**KVM_DEFAULTS, **started.hvparams})

    def places(self, name: str) -> Places:
        """The files of the guest's run."""
        return places_in(self._directory / name, self._console_log(name))

    async def given(
        self, nic: NicDevice, identity: Identity | None, namespace: str | None
    ) -> NicDevice:
        """The NIC, given to its guest's user, as that one can use it.  Raises HypervisorError."""
        if not isinstance(nic, TapNic):
            return nic
        if identity is not None:
            await self._own_tap(nic, identity.uid, namespace)
        may_vhost = self.machine().accelerator == "kvm" and unprivileged.may_use_vhost(identity)
        return evolve(nic, vhost=may_vhost)

    async def _own_tap(self, nic: TapNic, uid: int, namespace: str | None) -> None:
        def own() -> None:
            unprivileged.own_tap(nic.tap, uid, nic.queues)

        try:
            await within(self._reactor, namespace, own)
        except OSError as error:
            raise HypervisorError(f"Tap {nic.tap} can't be given to user {uid}: {error}") from error

    def close(self) -> None:
        """Let go of all guests; they run on."""
        self.listener = self.changes = None
        for run in self.alive.values():
            run.let_go()
        self.alive.clear()

    async def _spawn(
        self, guest: Guest, machine: Machine, prepared: Prepared, is_incoming: bool
    ) -> GuestRun:
        places, identity = self.places(guest.name), prepared.identity
        try:
            nics = [await self.given(nic, identity, guest.namespace) for nic in guest.nics]
            how = Run(
                prefix=unprivileged.prefix(guest, identity),
                qmp_fd=QMP_FD,
                is_incoming=is_incoming,
                firmware=prepared.firmware,
            )
            arguments = qemu_arguments(evolve(guest, nics=tuple(nics)), machine, places, how)
            pid = spawn(self._reactor, arguments, prepared.ends)
        finally:
            prepared.ends.close()
        run = self._attached(guest.name, pid, is_incoming)
        await run.link(START_TIMEOUT_S)
        await deferToThread(run_directory.seal, places)
        self.screens[guest.name] = await self._screen(run, guest.hvparams)
        return run

    async def _screen(self, run: GuestRun, hvparams: Mapping[str, Any]) -> ConsolePlace:
        places = self.places(run.name)
        if spice.is_wanted(hvparams):
            path = spice.spice_socket(hvparams, run.name)
            if path is not None:
                return ConsolePlace(None, places.serial, spice=path)
            known = await run.ask("query-spice")
            host, port = str(known["host"]), int(known["port"])
            return ConsolePlace(None, places.serial, spice_host=host, spice_port=port)
        path = vnc_socket(hvparams, run.name, places)
        if path is not None:
            return ConsolePlace(path, places.serial)
        known = await run.ask("query-vnc")
        host, port = str(known.get("host", "")), int(known.get("service", 0))
        return ConsolePlace(None, places.serial, vnc_host=host, vnc_port=port)

    def _names_on_disk(self) -> list[str]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [path.name for path in self._directory.iterdir() if path.is_dir()]

    def _attached(self, name: str, pid: int, is_destination: bool) -> GuestRun:
        """Watch a process.  Raises ProcessLookupError when it has gone."""
        socket = self.places(name).qmp
        run = GuestRun(self._reactor, name, pid, socket, self._ended, self._changed, is_destination)
        self.alive[name] = run
        return run

    async def _find(self, name: str, pid: int) -> None:
        """Watch the guest again, if it lives."""
        arriving = Path(self.places(name).arriving)
        is_destination = await deferToThread(arriving.exists)
        try:
            run = self._attached(name, pid, is_destination)
        except ProcessLookupError:
            return
        try:
            await run.link()
        except (QmpGone, QmpRefused) as error:
            self._log.warn("guest {name} lives but is mute: {error}", name=name, error=error)
            run.link_in_background()
            return
        if run.status == "prelaunch" and not is_destination:
            # It was being started when we ended, and has not run a single step.
            await self.clear(name)
            return
        if is_destination and run.state is State.RUNNING:
            run.is_destination = False
            await deferToThread(arriving.unlink, missing_ok=True)
        try:
            self.screens[name] = await self._screen(run, (await self.started(name)).hvparams)
        except HypervisorError as error:
            self._log.warn("guest {name}: {error}", name=name, error=error)
        self._log.info("guest {name} was found {state}", name=name, state=run.state.value)

    def _how_it_ended(self, name: str) -> Ended:
        in_order = name in self.kept and not Path(self.places(name).pid).exists()
        reason = "guest-shutdown" if in_order else "its QEMU is gone"
        return Ended(name, by_guest=in_order, reason=reason)

    async def _unattached(self, name: str) -> GuestRun | None:
        """A QEMU that started but that we do not watch."""
        processes = await deferToThread(run_directory.processes, self._directory)
        if name in processes:
            await self._find(name, processes[name])
        return self.alive.get(name)

    def _changed(self, change: Changed) -> None:
        if self.changes is not None:
            self.changes(change)

    def _ended(self, run: GuestRun) -> None:
        if self.alive.get(run.name) is run:
            del self.alive[run.name]
            self.screens.pop(run.name, None)
        reason = run.shutdown_reason or "its QEMU died"
        self._log.info("guest {name} ended: {reason}", name=run.name, reason=reason)
        is_told = not run.ended_by_us and not run.is_elsewhere and not run.is_destination
        if is_told and self.listener is not None:
            self.listener(Ended(run.name, run.shutdown_reason in GUEST_REASONS, reason))
