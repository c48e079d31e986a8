"""
The node role: what one machine does for its instances.
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

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, filled
from ganetid.cluster.first_start import FIRST_GROUP
from ganetid.cluster.model import Debris, Disk, Instance, Network, Nic
from ganetid.console.offer import ConsoleOffers
from ganetid.console.serial_log import last_lines
from ganetid.disks.interface import IDiskTemplate, Space
from ganetid.guest.config_drive import BadConfigDrive, write_config_drive
from ganetid.guest.metadata_drive import metadata_of_drive
from ganetid.hooks.run import HookResult, LocalHooks
from ganetid.hypervisor.interface import ConsolePlace, Ended, Guest, IHypervisor
from ganetid.hypervisor.values import Migrated, MigrationDoor, MigrationSettings, Shape
from ganetid.network.from_cluster import network_of, networks_of, ports_of
from ganetid.network.interface import INodeNetwork
from ganetid.node.devices import Devices
from ganetid.node.exports import Exports
from ganetid.node.facts import NodeFacts, read_facts
from ganetid.node.interface import Abilities, EndListener, INode
from ganetid.node.moving import Moving
from ganetid.node.stored import Spares
from ganetid.opcodes.errors import OpExecError
from ganetid.os.definition import OsDefinition
from ganetid.os.on_node import NodeSystems, Surroundings


@implementer(INode)
class Node:
    """
    INode of this machine.

    surroundings: the node's group, and the addresses of all other nodes.
    door: how guests of other nodes come in; None: from this machine only.
    local_hooks: the administrator's programs before and after opcodes; None: there are none.
    console_offers: makes tokens for consoles; None: there is no console proxy here.
    directory: each instance's files (config drive, serial log) are in ``<directory>/<name>/``.
    """

    is_reachable = True
    _log = Logger()

    def __init__(
        self,
        name: str,
        directory: Path,
        hypervisors: Mapping[str, IHypervisor],
        templates: Mapping[str, IDiskTemplate],
        network: INodeNetwork,
    ) -> None:
        """The first hypervisor is the default one."""
        self.name = name
        self._directory = directory
        self._exports = Exports(directory.parent / "export")
        self.systems: NodeSystems | None = None
        self.local_hooks: LocalHooks | None = None
        self.hypervisors = hypervisors
        self.templates = templates
        self.network = network
        self._spares = Spares(directory.parent / "spares")
        self.door: MigrationDoor | None = None
        self.console_offers: ConsoleOffers | None = None
        self.surroundings: Callable[[], tuple[str, tuple[str, ...]]] = lambda: (FIRST_GROUP, ())
        self.known_facts: NodeFacts | None = None
        self._ended: dict[str, Ended] = {}
        self._listeners: list[EndListener] = []

    @property
    def abilities(self) -> Abilities:
        """See INode."""
        return Abilities(tuple(self.hypervisors), frozenset(self.templates), str(self.network.mode))

    @property
    def running(self) -> frozenset[str]:
        """See INode."""
        return frozenset().union(*(each.running() for each in self.hypervisors.values()))

    @property
    def present(self) -> frozenset[str]:
        """Names of guests that have a process here: running, paused, arriving or about to go."""
        return frozenset(
            name
            for hypervisor in self.hypervisors.values()
            for name in hypervisor.kept() | hypervisor.running()
            if hypervisor.state(name) is not None
        )

    async def facts(self) -> NodeFacts:
        """See INode."""
        self.known_facts = await deferToThread(read_facts, self._directory)
        return self.known_facts

    async def find_guests(self) -> None:
        """Find guests again that a former life of this daemon started.  Call once, before all."""
        await self.facts()
        if self.systems is not None:
            await self.systems.begin()
        names = await deferToThread(_directories_in, self._directory)
        for hypervisor in self.hypervisors.values():
            for end in await hypervisor.recover(names):
                self._ended[end.name] = end
            hypervisor.watch(self._note_end)

    async def recover(self, names: tuple[str, ...], known: frozenset[str]) -> tuple[Ended, ...]:
        """See INode."""
        strays = await self._clear_strays(known)
        if strays:
            self._log.warn("removed what was left of {names}", names=", ".join(strays))
        running = self.running
        gone = Ended("", by_guest=False, reason="its guest is gone")
        return tuple(
            self._ended.get(name, evolve(gone, name=name)) for name in names if name not in running
        )

    def _note_end(self, end: Ended) -> None:
        self._ended[end.name] = end
        for listener in list(self._listeners):
            listener(end)

    async def create_disk(self, instance: Instance, disk: Disk) -> None:
        """Make a disk.  Raises OpExecError."""
        await self._template(instance).create(instance.name, disk)

    async def has_disk(self, instance: Instance, disk: Disk) -> bool:
        """Whether the disk is there.  Raises OpExecError."""
        there: bool = await self._template(instance).exists(instance.name, disk)
        return there

    async def remove_disk(self, instance: Instance, disk: Disk) -> None:
        """Remove a disk; one that is not there is removed already.  Raises OpExecError."""
        await self._template(instance).remove(instance.name, disk)

    async def remove_debris(self, debris: Debris) -> None:
        """Remove what a failed job left.  Raises OpExecError."""
        disk = Disk(debris.disk, uuid="", size_mib=0, provider=debris.provider)
        await self.templates[debris.template].remove(debris.instance, disk)

    async def diagnose_os(self) -> tuple[OsDefinition, ...]:
        """See INode."""
        return () if self.systems is None else await self.systems.diagnose_os()

    async def verify_os(
        self, os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """See INode."""
        await self._operating_systems().verify_os(os_type, parameters, force_variant)

    async def install_os(
        self, instance: Instance, around: Surroundings, reinstall: bool = False
    ) -> tuple[str, ...]:
        """See INode."""
        return await self._operating_systems().install_os(instance, around, reinstall)

    async def rename_os(
        self, instance: Instance, around: Surroundings, old_name: str
    ) -> tuple[str, ...]:
        """See INode."""
        return await self._operating_systems().rename_os(instance, around, old_name)

    def _operating_systems(self) -> NodeSystems:
        if self.systems is None:
            raise OpExecError("This node has no operating systems")
        return self.systems

    async def write_seed(self, instance: Instance, files: Mapping[str, bytes], label: str) -> None:
        """Write the instance's config drive, under the label of its kind.  Raises OpExecError."""
        path = self._config_drive(instance.name)
        try:
            await deferToThread(write_config_drive, path, files, label)
        except (BadConfigDrive, OSError) as error:
            raise OpExecError(f"Can't write the config drive: {error}") from error

    async def write_config_drive(self, instance: Instance, files: Mapping[str, bytes]) -> None:
        """Write the instance's config drive.  Raises OpExecError."""
        try:
            await deferToThread(write_config_drive, self._config_drive(instance.name), files)
        except (BadConfigDrive, OSError) as error:
            raise OpExecError(f"Can't write the config drive: {error}") from error

    async def read_config_drive(self, instance: Instance) -> bytes | None:
        """See INode."""
        return await self._moving(instance).read_drive()

    async def write_config_image(self, instance: Instance, content: bytes) -> None:
        """See INode."""
        await self._moving(instance).write_drive(content)

    async def keep_spare(self, instance: Instance, content: bytes) -> None:
        """See INode."""
        try:
            await self._spares.keep(instance.name, content)
        except OSError as error:
            raise OpExecError(f"Can't keep a config drive: {error}") from error

    async def read_spare(self, instance: Instance) -> bytes | None:
        """See INode."""
        return await self._spares.read(instance.name)

    async def prune_spares(self, known: frozenset[str]) -> frozenset[str]:
        """See INode."""
        return await self._spares.prune(known)

    async def read_chunk(self, instance: Instance, disk: Disk, offset: int, size: int) -> bytes:
        """See INode."""
        return await self._moving(instance).read_chunk(instance, disk, offset, size)

    async def write_chunk(
        self, instance: Instance, disk: Disk, offset: int, content: bytes, is_last: bool
    ) -> None:
        """See INode."""
        await self._moving(instance).write_chunk(instance, disk, offset, content, is_last)

    async def guest_state(self, instance: Instance) -> str | None:
        """See INode."""
        state = self._hypervisor(instance).state(instance.name)
        return None if state is None else str(state.value)

    async def shape(self, instance: Instance) -> Shape:
        """See INode."""
        await self._moving(instance).let_go_soon(instance)
        shape: Shape = await self._hypervisor(instance).shape(instance.name)
        return shape

    async def expect_guest(self, instance: Instance, shape: Shape) -> str:
        """See INode."""
        return await self._moving(instance).expect(instance, shape)

    async def migrate(self, instance: Instance, uri: str, settings: MigrationSettings) -> Migrated:
        """See INode."""
        return await self._moving(instance).send(instance, uri, settings)

    async def settle(self, instance: Instance, run: bool) -> None:
        """See INode."""
        await self._moving(instance).settle(instance, run)

    async def abort(self, instance: Instance) -> None:
        """See INode."""
        await self._moving(instance).abort(instance)

    async def own_disks(self, instance: Instance) -> None:
        """See INode."""
        await self._moving(instance).own_again(instance)

    async def forget_guest(self, instance: Instance) -> None:
        """See INode."""
        await self._hypervisor(instance).clear(instance.name)
        await self._moving(instance).forget(instance)
        await deferToThread(shutil.rmtree, self._directory / instance.name, ignore_errors=True)

    async def start(self, instance: Instance) -> None:
        """
        Start the guest with all its disks and NICs; on failure its NICs are gone again.

        QEMU gives up at once when storage is away, so its disks are made active first.
        """
        self._ended.pop(instance.name, None)  # of a former run
        for disk in instance.disks:
            await self._template(instance).activate(instance.name, disk)
        nics = await self._plug(instance)
        try:
            await self._hypervisor(instance).start(self.guest_of(instance, nics))
        except Exception:
            await self.network.unplug(instance.name)
            await self._let_disks_go(instance)
            raise

    async def stop(self, instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to go, end it after the timeout; whether it went by itself."""
        obeyed: bool = await self._hypervisor(instance).stop(instance.name, timeout_s)
        await self.network.unplug(instance.name)
        await self._let_disks_go(instance)
        return obeyed

    async def reset(self, instance: Instance) -> None:
        """Reset the guest.  Raises HypervisorError."""
        await self._hypervisor(instance).reset(instance.name)

    async def reboot_softly(self, instance: Instance, timeout_s: float) -> bool:
        """Ask the guest to reboot, reset it after the timeout; whether it obeyed."""
        obeyed: bool = await self._hypervisor(instance).reboot(instance.name, timeout_s)
        return obeyed

    async def is_running(self, instance: Instance) -> bool:
        """Asked just now."""
        runs: bool = await self._hypervisor(instance).verify(instance.name)
        return runs

    async def clear(self, instance: Instance) -> None:
        """End the guest, remove its NICs, config drive and logs; its disks stay.  Idempotent."""
        await self._hypervisor(instance).clear(instance.name)
        await self.network.unplug(instance.name)
        await deferToThread(shutil.rmtree, self._directory / instance.name, ignore_errors=True)

    async def tidy_after(self, instance: Instance) -> None:
        """See INode."""
        await self.network.unplug(instance.name)
        await self._let_disks_go(instance)

    async def _let_disks_go(self, instance: Instance) -> None:
        """They are inactive here; one that resists is only logged, as under Ganeti."""
        for disk in instance.disks:
            try:
                await self._template(instance).deactivate(instance.name, disk)
            except OpExecError as error:
                self._log.warn("disk {disk} stays active: {error}", disk=disk.name, error=error)

    async def _clear_strays(self, known: frozenset[str]) -> tuple[str, ...]:
        strays: set[str] = set()
        for hypervisor in self.hypervisors.values():
            for name in hypervisor.kept() - known:
                await hypervisor.clear(name)
                strays.add(name)
        strays |= set(await deferToThread(_remove_unknown, self._directory, known))
        return tuple(sorted(strays))

    async def carry(self, networks: tuple[Network, ...]) -> None:
        """See INode."""
        await self.network.carry(networks_of(networks, *self.surroundings()))

    async def connect(self, network: Network) -> None:
        """Carry a network.  Raises OpExecError."""
        plan = network_of(network, *self.surroundings())
        if plan is not None:
            await self.network.connect(plan)

    async def disconnect(self, network: Network) -> None:
        """Carry it no more.  Raises OpExecError."""
        await self.network.disconnect(network.name)

    async def plug_disk(self, instance: Instance, disk: Disk, index: int) -> None:
        """See INode."""
        await self._devices(instance).plug_disk(instance, disk, index)

    async def unplug_disk(self, instance: Instance, disk: Disk) -> None:
        """See INode."""
        await self._devices(instance).unplug_disk(instance, disk)

    async def plug_nic(self, instance: Instance, nic: Nic, index: int) -> None:
        """See INode."""
        await self._devices(instance).plug_nic(instance, nic, index)

    async def unplug_nic(self, instance: Instance, nic: Nic) -> None:
        """See INode."""
        await self._devices(instance).unplug_nic(instance, nic)

    async def update_nics(self, instance: Instance) -> None:
        """See INode."""
        await self._devices(instance).update_nics(instance)

    async def set_memory(self, instance: Instance, memory_mib: int) -> None:
        """See INode."""
        await self._hypervisor(instance).set_memory(instance.name, memory_mib)

    async def grow_disk(self, instance: Instance, disk: Disk, new_size_mib: int) -> None:
        """See INode."""
        await self._devices(instance).grow_disk(instance, disk, new_size_mib)

    async def snapshot_disk(self, instance: Instance, disk: Disk, name: str) -> None:
        """See INode."""
        await self._template(instance).snapshot(instance.name, disk, name)

    async def activate_disk(self, instance: Instance, disk: Disk) -> str:
        """See INode."""
        return await self._devices(instance).activate_disk(instance, disk)

    async def deactivate_disk(self, instance: Instance, disk: Disk) -> None:
        """See INode."""
        await self._template(instance).deactivate(instance.name, disk)

    async def rename_disk(
        self, instance: Instance, disk: Disk, new_instance: str, new_name: str
    ) -> None:
        """See INode."""
        await self._template(instance).rename(instance.name, disk, new_instance, new_name)

    async def spaces(self) -> dict[str, Space]:
        """See INode."""
        found = {name: await each.statistics() for name, each in self.templates.items()}
        return {name: space for name, space in found.items() if space is not None}

    async def begin_export(self, instance: Instance) -> None:
        """See INode."""
        await self._exports.begin(instance)

    async def export_disk(self, instance: Instance, disk: Disk, index: int) -> None:
        """See INode."""
        await self._exports.copy(instance, disk, index, self._template(instance))

    async def end_export(self, instance: Instance, config: str) -> None:
        """See INode."""
        await self._exports.end(instance, config)

    async def read_export(self, name: str) -> str | None:
        """See INode."""
        return await self._exports.read(name)

    async def import_disk(self, instance: Instance, disk: Disk, source: str, image: str) -> None:
        """See INode."""
        template = self._template(instance)
        await self._exports.restore(instance, disk, (source, image), template)

    async def remove_export(self, name: str) -> bool:
        """See INode."""
        return await self._exports.remove(name)

    async def run_hooks(
        self, path: str, phase: str, environment: Mapping[str, str]
    ) -> tuple[HookResult, ...]:
        """See INode."""
        return () if self.local_hooks is None else await self.local_hooks(path, phase, environment)

    async def rename_files(self, instance: Instance, new_name: str) -> None:
        """See INode."""
        await self._hypervisor(instance).clear(instance.name)
        old, new = self._directory / instance.name, self._directory / new_name
        await deferToThread(_move, old, new)

    async def _plug(self, instance: Instance) -> tuple[Any, ...]:
        ports = ports_of(instance)
        drive = self._config_drive(instance.name)
        told = await deferToThread(metadata_of_drive, drive, ports)
        nics: tuple[Any, ...] = await self.network.plug(instance.name, ports, told)
        return nics

    def _moving(self, instance: Instance) -> Moving:
        return Moving(
            self._hypervisor(instance),
            self._template(instance),
            self.network,
            self.door,
            self._config_drive(instance.name),
            self._plug,
            self.guest_of,
        )

    def _devices(self, instance: Instance) -> Devices:
        return Devices(self._hypervisor(instance), self._template(instance), self.network)

    def watch(self, listener: EndListener) -> None:
        """See INode."""
        self._listeners.append(listener)

    def forget(self, listener: EndListener) -> None:
        """It is told no more."""
        self._listeners.remove(listener)

    async def close(self) -> None:
        """See INode."""
        for hypervisor in self.hypervisors.values():
            await hypervisor.close()
        await self.network.close()

    async def console(self, instance: Instance) -> ConsolePlace:
        """See INode."""
        place: ConsolePlace = self._hypervisor(instance).console(instance.name)
        if self.console_offers is None:
            return place
        return evolve(place, tokens=await self.console_offers.of(instance.name, place))

    async def console_log(self, instance: Instance, lines: int | None) -> str:
        """The last lines of what the guest wrote on its serial port."""
        return await deferToThread(last_lines, self.console_log_path(instance.name), lines)

    def console_log_path(self, name: str) -> Path:
        """The file of an instance's serial log."""
        return self._directory / name / "console.log"

    def guest_of(self, instance: Instance, nics: tuple[Any, ...]) -> Guest:
        """The instance as its hypervisor takes it."""
        beparams = filled(instance.beparams, BEPARAMS)
        template = self._template(instance)
        drive = str(self._config_drive(instance.name)) if instance.config_drive else None
        return Guest(
            name=instance.name,
            uuid=instance.uuid,
            memory_mib=beparams["maxmem"],
            vcpus=beparams["vcpus"],
            drives=tuple(
                evolve(template.drive(instance.name, disk), uuid=disk.uuid)
                for disk in instance.disks
            ),
            nics=tuple(
                evolve(device, uuid=nic.uuid)
                for device, nic in zip(nics, instance.nics, strict=True)
            ),
            config_drive=drive,
            hvparams=filled(instance.hvparams, HVPARAMS),
            namespace=self.network.namespace,
            vnc_port=instance.network_port,
        )

    def _hypervisor(self, instance: Instance) -> IHypervisor:
        hypervisor = self.hypervisors.get(instance.hypervisor)
        if hypervisor is None:
            raise OpExecError(f"This node has no hypervisor '{instance.hypervisor}'")
        return hypervisor

    def template_of(self, instance: Instance) -> IDiskTemplate:
        """The instance's disk template.  Raises OpExecError."""
        return self._template(instance)

    def _template(self, instance: Instance) -> IDiskTemplate:
        template = self.templates.get(instance.disk_template)
        if template is None:
            raise OpExecError(f"This node has no disk template '{instance.disk_template}'")
        return template

    def _config_drive(self, name: str) -> Path:
        return self._directory / name / "config.iso"


def _directories_in(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in directory.iterdir() if path.is_dir()))


def _move(old: Path, new: Path) -> None:
    """Done already when only the new one is there."""
    if old.exists():
        old.replace(new)


def _remove_unknown(directory: Path, known: frozenset[str]) -> list[str]:
    """Remove directories of no known instance."""
    strays = [path for path in directory.iterdir() if path.is_dir() and path.name not in known]
    for path in strays:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in strays]
