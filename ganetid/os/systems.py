"""
All operating systems of a node: those built in, and those of its administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Instance
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.os.definition import (
    SEARCH_PATH,
    BadOs,
    OsDefinition,
    check_parameters,
    check_variant,
    diagnosed,
    name_of,
    variant_of,
)
from ganetid.os.disk_files import DiskFiles
from ganetid.os.image import ImageSystem, WriteDrive, definitions
from ganetid.os.progress import Tell, said_by_script
from ganetid.os.scripted import ScriptedSystems
from ganetid.os.task import OsTask, ReachedDisk
from ganetid.scripts.logged import Logbook

Log = Callable[[str], None]


@frozen
class Listeners:
    """
    Who is told while a system is put on an instance.

    log: gets lines.  tell: gets progress in Synnefo's words, see ``progress.of_instance``.
    """

    log: Log
    tell: Tell


@frozen
class OperatingSystems:
    """The node's operating systems.  An instance without one is left as it is."""

    scripted: ScriptedSystems
    image: ImageSystem
    files: DiskFiles
    now: Callable[[], float]

    async def diagnose(self) -> tuple[OsDefinition, ...]:
        """Every system that is known here, whole or not; one built in hides one of its name."""
        built_in = definitions()
        names = {each.name for each in built_in}
        own = await deferToThread(diagnosed, tuple(self.scripted.search_path))
        return (*built_in, *(each for each in own if each.name not in names))

    async def verify(
        self, os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """Raise OpPrereqError unless an instance can have this system with these parameters."""
        built_in = _built_in(os_type)
        if not os_type:
            return
        if built_in is None:
            await self.scripted.verify(os_type, parameters, force_variant)
            return
        try:
            if variant_of(os_type) and not force_variant:
                check_variant(built_in, os_type)
            check_parameters(built_in, parameters)
        except BadOs as error:
            raise OpPrereqError(f"OS Parameters validation failed: {error}", WRONG_INPUT) from error

    async def create(
        self,
        task: OsTask,
        template: IDiskTemplate,
        listeners: Listeners,
        reinstall: bool = False,
    ) -> None:
        """
        Put the instance's system on its disks, which need not be active.  Raises OpcodeError.
        """
        instance = task.instance
        if not instance.os_type:
            return
        if _built_in(instance.os_type) is not None:
            await self.image.create(task, template, listeners.tell, reinstall)
            return

        def on_line(line: str) -> None:
            body = said_by_script(line, self.now())
            if body is None:
                listeners.log(line)
            else:
                listeners.tell(body)

        async with self.files.reached(await _active(instance, template)) as disks:
            reached = _with_disks(task, disks)
            await self.scripted.create(reached, on_line, reinstall)

    async def rename(self, task: OsTask, template: IDiskTemplate, old_name: str, log: Log) -> None:
        """The instance has a new name: its system may write it down.  Raises OpcodeError."""
        instance = task.instance
        if not instance.os_type or _built_in(instance.os_type) is not None:
            return
        async with self.files.reached(await _active(instance, template)) as disks:
            await self.scripted.rename(_with_disks(task, disks), old_name, log)

    async def export(self, task: OsTask, template: IDiskTemplate, index: int, output: int) -> None:
        """Write an image of a disk to an open descriptor.  Raises OpcodeError."""
        async with self.files.reached(await _active(task.instance, template)) as disks:
            await self.scripted.export(_with_disks(task, disks), index, output)

    async def import_image(
        self, task: OsTask, template: IDiskTemplate, index: int, source: int
    ) -> None:
        """Make a disk of the image in an open descriptor.  Raises OpcodeError."""
        async with self.files.reached(await _active(task.instance, template)) as disks:
            await self.scripted.import_image(_with_disks(task, disks), index, source)


def build_systems(
    reactor: Any,
    state: Path,
    nbd_socket: str | None,
    write_drive: WriteDrive,
    search_path: Iterable[Path] = SEARCH_PATH,
) -> OperatingSystems:
    """
    A node's operating systems.

    state: the daemon's directory; logs go to ``log/os`` in it, disks' files to ``run-os``.
    nbd_socket, write_drive: see ImageSystem.
    """
    logs = Logbook(reactor, state / "log" / "os")
    return OperatingSystems(
        ScriptedSystems(logs, tuple(search_path)),
        ImageSystem(logs, nbd_socket, write_drive, reactor.seconds),
        DiskFiles(reactor, state / "run-os"),
        reactor.seconds,
    )


def _built_in(os_type: str) -> OsDefinition | None:
    name = name_of(os_type)
    return next((each for each in definitions() if each.name == name), None)


async def _active(instance: Instance, template: IDiskTemplate) -> tuple[Drive, ...]:
    return tuple([await template.activate(instance.name, disk) for disk in instance.disks])


def _with_disks(task: OsTask, disks: tuple[ReachedDisk, ...]) -> OsTask:
    return evolve(task, disks=disks)
