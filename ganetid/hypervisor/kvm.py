"""
Guests as QEMU processes of their own, which outlive this one and are found again.

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
from zope.interface import implementer

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS, BadKvmParameter, check_together
from ganetid.hypervisor import (
    hotplug,
    migration,
    pinning,
    reconnect,
    run_directory,
    unprivileged,
    usage,
)
from ganetid.hypervisor.command_line import Machine, Run, qemu_arguments, whole
from ganetid.hypervisor.consoles import vnc_socket
from ganetid.hypervisor.ending import Ending
from ganetid.hypervisor.guest_agent import ask_agent
from ganetid.hypervisor.guest_run import GUEST_REASONS, MIB, GuestRun
from ganetid.hypervisor.interface import (
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
    MigrationSettings,
    NicDevice,
    ProgressListener,
    Shape,
    State,
    Statistics,
    TapNic,
)
from ganetid.hypervisor.launch import QMP_FD, last_words, spawn
from ganetid.hypervisor.paths import Places, places_in
from ganetid.hypervisor.qmp_link import QmpGone, QmpRefused
from ganetid.hypervisor.run_directory import Prepared, Started
from ganetid.network.namespace import within
from ganetid.opcodes.errors import HypervisorError

START_TIMEOUT_S = 60.0
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
        self._changes: ChangeListener | None = None
        self._screens: dict[str, tuple[str, int]] = {}

    async def recover(self, names: tuple[str, ...]) -> tuple[Ended, ...]:
        """See IHypervisor."""
        self._kept = set(await deferToThread(self._names_on_disk))
        processes = await deferToThread(run_directory.processes, self._directory)
        for name in sorted(self._kept & set(processes)):
            await self._find(name, processes[name])
        return tuple(self._how_it_ended(name) for name in names if name not in self._runs)

    async def start(self, guest: Guest) -> None:
        """See IHypervisor."""
        guest = whole(guest)
        await self._launch(guest, is_incoming=False)
        run = self._runs[guest.name]
        try:
            await self._set_up(run, guest)
            if not await run.is_running():
                raise HypervisorError(f"Instance {guest.name} started, but does not run")
        except HypervisorError:
            await self.clear(guest.name)
            raise
        self._log.info("guest {name} started", name=guest.name)

    async def stop(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor."""
        run = self._runs.get(name)
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
        await self._here(name).ask("system_reset")

    async def reboot(self, name: str, timeout_s: float) -> bool:
        """See IHypervisor.  The guest is asked by ctrl-alt-delete, for there is no better way."""
        run = self._here(name)
        await run.ask("send-key", keys=CTRL_ALT_DELETE)
        rebooted = await run.was_reset.within(timeout_s)
        if run.is_gone:
            raise HypervisorError(f"Instance {name} went off instead of rebooting")
        if not rebooted:
            await run.ask("system_reset")
        return rebooted

    async def pause(self, name: str) -> None:
        """See IHypervisor."""
        run = self._here(name)
        await run.ask("stop")
        await run.refresh()

    async def resume(self, name: str) -> None:
        """See IHypervisor."""
        run = self._here(name)
        await run.ask("cont")
        await run.refresh()

    def running(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(name for name, run in self._runs.items() if not run.is_elsewhere)

    def state(self, name: str) -> State | None:
        """See IHypervisor."""
        run = self._runs.get(name)
        return None if run is None else run.state

    async def verify(self, name: str) -> bool:
        """See IHypervisor."""
        run = self._runs.get(name)
        return run is not None and await run.is_running()

    async def clear(self, name: str) -> None:
        """See IHypervisor."""
        run = self._runs.get(name)
        if run is None and name in self._kept:
            run = await self._unattached(name)
        if run is not None:
            run.ended_by_us = True
            await Ending(run).at_once()
        await deferToThread(shutil.rmtree, self._directory / name, ignore_errors=True)
        self._kept.discard(name)

    def kept(self) -> frozenset[str]:
        """See IHypervisor."""
        return frozenset(self._kept)

    def console(self, name: str) -> ConsolePlace:
        """See IHypervisor."""
        places = self.places(name)
        if name in self._screens:
            host, port = self._screens[name]
            if not port:
                return ConsolePlace(vnc=host, serial=places.serial)
            return ConsolePlace(None, places.serial, vnc_host=host, vnc_port=port)
        return ConsolePlace(vnc=places.vnc, serial=places.serial)

    async def plug_drive(self, name: str, drive: Drive, index: int) -> None:
        """See IHypervisor."""
        run = self._here(name)
        started = await self._started(name)
        await deferToThread(self._give_drive, run, drive)
        await hotplug.plug_drive(run, drive, index, started.hvparams)

    async def unplug_drive(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        await hotplug.unplug_drive(self._here(name), uuid, timeout_s)

    async def plug_nic(self, name: str, nic: NicDevice, index: int) -> None:
        """See IHypervisor."""
        run = self._here(name)
        started = await self._started(name)
        identity = await deferToThread(unprivileged.identity_of_process, run.process.pid)
        if identity is not None and isinstance(nic, TapNic):
            tap, pid = nic.tap, run.process.pid
            await within(
                self._reactor,
                f"/proc/{pid}/ns/net",
                lambda: unprivileged.own_tap(tap, identity.uid),
            )
        await hotplug.plug_nic(run, nic, index, started.hvparams)

    async def unplug_nic(self, name: str, uuid: str, timeout_s: float = 30.0) -> None:
        """See IHypervisor."""
        await hotplug.unplug_nic(self._here(name), uuid, timeout_s)

    async def devices(self, name: str) -> frozenset[str]:
        """See IHypervisor."""
        return await hotplug.uuids(self._here(name))

    async def resize_drive(self, name: str, uuid: str, size_bytes: int) -> None:
        """See IHypervisor."""
        await reconnect.resize(self._here(name), uuid, size_bytes)

    async def set_memory(self, name: str, memory_mib: int) -> None:
        """See IHypervisor."""
        run = self._here(name)
        most = (await run.ask("query-memory-size-summary"))["base-memory"] // MIB
        if not 0 < memory_mib <= most:
            raise HypervisorError(f"Instance {name} has {most} MiB at most")
        await run.ask("balloon", value=memory_mib * MIB)

    async def statistics(self, name: str) -> Statistics:
        """See IHypervisor."""
        return await usage.statistics(self._here(name))

    async def agent(
        self,
        name: str,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        timeout_s: float = 5.0,
    ) -> Any:
        """See IHypervisor."""
        self._here(name)
        if not (await self._started(name)).hvparams["use_guest_agent"]:
            raise HypervisorError(f"Instance {name} has no guest agent: use_guest_agent is off")
        socket = self.places(name).agent
        try:
            return await ask_agent(self._reactor, socket, command, arguments or {}, timeout_s)
        except HypervisorError as error:
            raise HypervisorError(f"Instance {name}: {error}") from error

    async def shape(self, name: str) -> Shape:
        """See IHypervisor."""
        run = self._here(name)
        started, layout = await self._started(name), await hotplug.layout_of(run)
        places = await hotplug.places_of(run)
        return Shape(
            machine=await hotplug.machine_type(run),
            memory_mib=started.memory_mib,
            vcpus=started.vcpus,
            hvparams=started.hvparams,
            places={
                device: place
                for device, place in places.items()
                if device.startswith(("disk", "nic")) and "-port" not in device
            },
            disk_ports=layout.disk_ports,
            nic_ports=layout.nic_ports,
        )

    async def expect(self, guest: Guest, door: MigrationDoor | None = None) -> str:
        """See IHypervisor."""
        guest, door = whole(guest), door or MigrationDoor()
        await self._launch(guest, is_incoming=True)
        run, places = self._runs[guest.name], self.places(guest.name)
        settings = MigrationSettings.from_hvparams(guest.hvparams)
        try:
            if door.tls is not None:
                await self._lend(door.tls, run)
            uri = await migration.listen(run, door, places, settings.capabilities)
            await self._set_password(run, guest.hvparams)
            await pinning.pin(run, guest.hvparams["cpu_mask"])
        except (HypervisorError, OSError) as error:
            await self.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} can't come here: {error}") from error
        self._log.info("guest {name} is expected at {uri}", name=guest.name, uri=uri)
        return uri

    async def migrate(
        self,
        name: str,
        uri: str,
        settings: MigrationSettings | None = None,
        progress: ProgressListener | None = None,
    ) -> Migrated:
        """See IHypervisor."""
        run = self._here(name, is_left_too=True)
        if settings is None:
            settings = MigrationSettings.from_hvparams((await self._started(name)).hvparams)
        tls = None
        if settings.tls is not None:
            tls = self.places(name).tls
            try:
                await self._lend(settings.tls, run)
            except OSError as error:
                raise HypervisorError(f"Instance {name} can't leave: {error}") from error
        moved = await migration.Departure(run, uri, settings, tls, progress).go()
        self._log.info(
            "guest {name} left: paused for {downtime} ms, on its way for {total} ms",
            name=name, downtime=moved.downtime_ms, total=moved.total_ms,
        )  # fmt: skip
        return moved

    async def settle(self, name: str, run: bool = True) -> None:
        """See IHypervisor."""
        found = self._runs.get(name)
        if found is None:
            if name in self._kept:
                raise HypervisorError(f"Instance {name} is not here any more")
            return
        if found.state is State.LEFT:
            await self.clear(name)
            return
        if not found.is_destination:
            if await migration.is_on_its_way(found):
                raise HypervisorError(f"Instance {name} has not left")
            return
        await migration.has_arrived(found)
        if run:
            await found.ask("cont")
        found.is_destination = False
        await deferToThread(Path(self.places(name).arriving).unlink, missing_ok=True)
        await found.refresh()

    async def abort(self, name: str) -> None:
        """See IHypervisor."""
        run = self._runs.get(name)
        if run is None:
            return
        if run.is_destination:
            await self.clear(name)
        else:
            await migration.call_off(run)

    def watch(self, listener: Listener, changes: ChangeListener | None = None) -> None:
        """See IHypervisor."""
        self._listener = listener
        self._changes = changes

    async def close(self) -> None:
        """See IHypervisor."""
        self._listener = self._changes = None
        for run in self._runs.values():
            run.let_go()
        self._runs.clear()

    def places(self, name: str) -> Places:
        """The files of the guest's run."""
        return places_in(self._directory / name, self._console_log(name))

    def _here(self, name: str, is_left_too: bool = False) -> GuestRun:
        run = self._runs.get(name)
        if run is None:
            raise HypervisorError(f"Instance {name} is not running")
        if run.is_elsewhere and not (is_left_too and run.state is State.LEFT):
            raise HypervisorError(f"Instance {name} is on its way to another node")
        return run

    async def _launch(self, guest: Guest, is_incoming: bool) -> None:
        """Start a QEMU and watch it.  On failure nothing of it is left."""
        if guest.name in self._runs:
            raise HypervisorError(f"Instance {guest.name} is running already")
        try:
            check_together(guest.hvparams)
        except BadKvmParameter as error:
            raise HypervisorError(f"Instance {guest.name}: {error}") from error
        machine, places = self._machine(), self.places(guest.name)
        self._kept.add(guest.name)
        try:
            prepared = await deferToThread(
                run_directory.prepare, guest, machine, places, is_incoming
            )
            await self._spawn(guest, machine, prepared, is_incoming)
        except (HypervisorError, QmpGone, QmpRefused, OSError) as error:
            reason = await deferToThread(last_words, places) or error
            await self.clear(guest.name)
            raise HypervisorError(f"Instance {guest.name} did not start: {reason}") from error

    async def _spawn(
        self, guest: Guest, machine: Machine, prepared: Prepared, is_incoming: bool
    ) -> None:
        places, identity = self.places(guest.name), prepared.identity
        try:
            if identity is not None:
                for nic in guest.nics:
                    if isinstance(nic, TapNic):
                        await self._own_tap(guest.namespace, nic.tap, identity.uid)
            how = Run(
                prefix=unprivileged.prefix(guest, identity),
                qmp_fd=QMP_FD,
                is_incoming=is_incoming,
                firmware=prepared.firmware,
            )
            arguments = qemu_arguments(guest, machine, places, how)
            pid = spawn(self._reactor, arguments, prepared.ends)
        finally:
            prepared.ends.close()
        run = self._attached(guest.name, pid, is_incoming)
        await run.link(START_TIMEOUT_S)
        await deferToThread(run_directory.seal, places)
        self._screens[guest.name] = await self._screen(guest.name, run, guest.hvparams)

    async def _own_tap(self, namespace: str | None, tap: str, uid: int) -> None:
        await within(self._reactor, namespace, lambda: unprivileged.own_tap(tap, uid))

    async def _set_up(self, run: GuestRun, guest: Guest) -> None:
        """What has no place on a command line; then the guest may go."""
        await self._set_password(run, guest.hvparams)
        await pinning.pin(run, guest.hvparams["cpu_mask"])
        if guest.start_memory_mib is not None and guest.start_memory_mib < guest.memory_mib:
            await run.ask("balloon", value=guest.start_memory_mib * MIB)
        await run.ask("cont")

    async def _set_password(self, run: GuestRun, hvparams: Mapping[str, Any]) -> None:
        password = await deferToThread(run_directory.password_of, hvparams)
        if password is not None:
            await run.ask("set_password", protocol="vnc", password=password)

    async def _lend(self, credentials: str, run: GuestRun) -> None:
        """Put TLS credentials where the guest's user finds them.  Raises OSError."""
        target = self.places(run.name).tls
        await deferToThread(run_directory.lend_credentials, credentials, target, run.process.pid)

    def _give_drive(self, run: GuestRun, drive: Drive) -> None:
        identity = unprivileged.identity_of_process(run.process.pid)
        if identity is None:
            return
        guest = Guest(run.name, "", 0, 0, drives=(drive,), hvparams=dict(KVM_DEFAULTS))
        try:
            home = self._machine().home
            unprivileged.give(guest, identity, (), Path(home) if home is not None else None)
        except (unprivileged.Unreachable, OSError) as error:
            raise HypervisorError(f"Instance {run.name} can't use the disk: {error}") from error

    async def _screen(
        self, name: str, run: GuestRun, hvparams: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Where its VNC server is: host and port, or a path and 0."""
        path = vnc_socket(hvparams, name, self.places(name))
        if path is not None:
            return path, 0
        known = await run.ask("query-vnc")
        return str(known.get("host", "")), int(known.get("service", 0))

    async def _started(self, name: str) -> Started:
        started = await deferToThread(run_directory.started, self.places(name))
        if started is None:
            raise HypervisorError(f"It is not known how instance {name} was started")
        return evolve(started, hvparams={**KVM_DEFAULTS, **started.hvparams})

    def _names_on_disk(self) -> list[str]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [path.name for path in self._directory.iterdir() if path.is_dir()]

    def _attached(self, name: str, pid: int, is_destination: bool) -> GuestRun:
        """Watch a process.  Raises ProcessLookupError when it has gone."""
        socket = self.places(name).qmp
        run = GuestRun(self._reactor, name, pid, socket, self._ended, self._changed, is_destination)
        self._runs[name] = run
        return run

    async def _find(self, name: str, pid: int) -> None:
        """Watch the guest again, if it lives."""
        places = self.places(name)
        is_destination = await deferToThread(Path(places.arriving).exists)
        try:
            run = self._attached(name, pid, is_destination)
        except ProcessLookupError:
            return
        try:
            await run.link()
            hvparams = (await self._started(name)).hvparams
            self._screens[name] = await self._screen(name, run, hvparams)
        except (QmpGone, QmpRefused, HypervisorError) as error:
            self._log.warn("guest {name} lives but is mute: {error}", name=name, error=error)
            run.link_in_background()
            return
        if run.status == "prelaunch" and not is_destination:
            # It was being started when we ended, and has not run a single step.
            await self.clear(name)
            return
        if is_destination and run.state is State.RUNNING:
            run.is_destination = False
            await deferToThread(Path(places.arriving).unlink, missing_ok=True)
        self._log.info("guest {name} was found {state}", name=name, state=run.state.value)

    def _how_it_ended(self, name: str) -> Ended:
        in_order = name in self._kept and not Path(self.places(name).pid).exists()
        reason = "guest-shutdown" if in_order else "its QEMU is gone"
        return Ended(name, by_guest=in_order, reason=reason)

    async def _unattached(self, name: str) -> GuestRun | None:
        """A QEMU that started but that we do not watch."""
        processes = await deferToThread(run_directory.processes, self._directory)
        if name in processes:
            await self._find(name, processes[name])
        return self._runs.get(name)

    def _changed(self, change: Changed) -> None:
        if self._changes is not None:
            self._changes(change)

    def _ended(self, run: GuestRun) -> None:
        if self._runs.get(run.name) is run:
            del self._runs[run.name]
            self._screens.pop(run.name, None)
        reason = run.shutdown_reason or "its QEMU died"
        self._log.info("guest {name} ended: {reason}", name=run.name, reason=reason)
        is_told = not run.ended_by_us and not run.is_elsewhere and not run.is_destination
        if is_told and self._listener is not None:
            self._listener(Ended(run.name, run.shutdown_reason in GUEST_REASONS, reason))
