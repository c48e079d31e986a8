"""
A node's operating systems as its master calls them: values that node RPC can carry, nothing else.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from attrs import field, frozen
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Instance, Network
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import OpExecError
from ganetid.os.definition import OsDefinition
from ganetid.os.progress import Body, of_instance
from ganetid.os.systems import Listeners, OperatingSystems
from ganetid.os.task import OsTask, ReachedDisk

MOST_LINES = 200


@frozen
class Surroundings:
    """
    What a script is told besides the instance.

    networks: those of its NICs.  node_uuid: this node's.
    parameters: the operating system's, private and secret ones too; never shown.
    """

    networks: tuple[Network, ...] = ()
    node_uuid: str = ""
    parameters: Mapping[str, str] = field(factory=dict, repr=False)
    debug_level: int = 0


class NodeSystems:
    """
    Puts operating systems on instances of this node.

    template_of: an instance's disk template.  exports: images of disks are in
    ``<exports>/<instance>/``.  Disks are left active: who starts no guest next deactivates them.
    Failures are OpcodeErrors.
    """

    def __init__(
        self,
        systems: OperatingSystems,
        template_of: Callable[[Instance], IDiskTemplate],
        exports: Path,
    ) -> None:
        self._systems = systems
        self._template_of = template_of
        self._exports = exports
        self._listeners: list[Callable[[Body], None]] = []

    def watch(self, listener: Callable[[Body], None]) -> None:
        """Tell `listener` all progress, as it is published: see ``progress.of_instance``."""
        self._listeners.append(listener)

    def reached(
        self, drives: tuple[Drive, ...]
    ) -> AbstractAsyncContextManager[tuple[ReachedDisk, ...]]:
        """Active disks as files, while the context lasts."""
        return self._systems.files.reached(drives)

    async def begin(self) -> None:
        """Remove what a killed life of this daemon left.  Call once, before all else."""
        await self._systems.files.clear()

    async def diagnose_os(self) -> tuple[OsDefinition, ...]:
        """Every operating system that is known here, whole or not."""
        return await self._systems.diagnose()

    async def verify_os(
        self, os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """Raise OpPrereqError unless an instance can have this system with these parameters."""
        await self._systems.verify(os_type, parameters, force_variant)

    async def install_os(
        self, instance: Instance, around: Surroundings, reinstall: bool = False
    ) -> tuple[str, ...]:
        """Put the instance's system on its disks; the last 200 lines that its scripts said."""
        lines: deque[str] = deque(maxlen=MOST_LINES)

        def tell(body: Body) -> None:
            told = of_instance(body, instance.name, self._systems.now())
            for listener in list(self._listeners):
                listener(told)

        await self._systems.create(
            _task(instance, around),
            self._template_of(instance),
            Listeners(lines.append, tell),
            reinstall,
        )
        return tuple(lines)

    async def rename_os(
        self, instance: Instance, around: Surroundings, old_name: str
    ) -> tuple[str, ...]:
        """The instance has a new name; the last 200 lines that its scripts said."""
        lines: deque[str] = deque(maxlen=MOST_LINES)
        template = self._template_of(instance)
        await self._systems.rename(_task(instance, around), template, old_name, lines.append)
        return tuple(lines)

    async def export_disk(self, instance: Instance, around: Surroundings, index: int) -> str:
        """Write an image of a disk; its path."""
        path = self._image(instance, index)
        partial = path.with_suffix(".partial")
        handle = await self._opened(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            template = self._template_of(instance)
            await self._systems.export(_task(instance, around), template, index, handle)
            await deferToThread(os.fsync, handle)
        except BaseException:
            await deferToThread(partial.unlink, missing_ok=True)
            raise
        finally:
            os.close(handle)
        await deferToThread(partial.replace, path)
        return str(path)

    async def import_disk(self, instance: Instance, around: Surroundings, index: int) -> None:
        """Make a disk of the image that `export_disk` wrote for an instance of this name."""
        handle = await self._opened(self._image(instance, index), os.O_RDONLY)
        try:
            template = self._template_of(instance)
            await self._systems.import_image(_task(instance, around), template, index, handle)
        finally:
            os.close(handle)

    def _image(self, instance: Instance, index: int) -> Path:
        if instance.name in {"", ".", ".."} or "/" in instance.name:
            raise OpExecError(f"'{instance.name}' can't be a directory's name")
        if not 0 <= index < len(instance.disks):
            raise OpExecError(f"Instance '{instance.name}' has no disk {index}")
        return self._exports / instance.name / f"disk{index}.image"

    async def _opened(self, path: Path, flags: int) -> int:
        def work() -> int:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

        try:
            return await deferToThread(work)
        except OSError as error:
            raise OpExecError(f"Can't open {path}: {error.strerror}") from error


def _task(instance: Instance, around: Surroundings) -> OsTask:
    return OsTask(
        instance=instance,
        networks={network.name: network for network in around.networks},
        node_uuid=around.node_uuid,
        parameters=around.parameters,
        debug_level=around.debug_level,
    )
