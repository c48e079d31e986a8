"""
One node's part in a guest's way to another node: as its source, or as its destination.

The order of the steps is the master's (`ganetid.opcodes.moves`); who may run the guest at each
instant stands in `ganetid.hypervisor.interface`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Disk, Instance
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import IHypervisor
from ganetid.hypervisor.journeys import Migrated, MigrationDoor, MigrationSettings
from ganetid.hypervisor.values import (
    DeviceDrive,
    Drive,
    FileDrive,
    Guest,
    Shape,
    State,
)
from ganetid.network.interface import INodeNetwork
from ganetid.opcodes.errors import OpExecError


@frozen
class Moving:
    """
    What of one instance moves.

    door: how a destination here listens.  drive: where the instance's config drive is.
    plug: makes its NICs.  guest_of: the instance with these NICs as its hypervisor takes it.
    """

    hypervisor: IHypervisor
    template: IDiskTemplate
    network: INodeNetwork
    door: MigrationDoor | None
    drive: Path
    plug: Callable[[Instance], Awaitable[tuple[Any, ...]]]
    guest_of: Callable[[Instance, tuple[Any, ...]], Guest]

    async def read_drive(self) -> bytes | None:
        """The config drive, if it is here."""
        if not self.drive.exists():
            return None
        return await deferToThread(self.drive.read_bytes)

    async def write_drive(self, content: bytes) -> None:
        """Keep a config drive that was read elsewhere.  Raises OpExecError."""
        try:
            await deferToThread(_write, self.drive, content)
        except OSError as error:
            raise OpExecError(f"Can't write the config drive: {error}") from error

    async def read_chunk(self, instance: Instance, disk: Disk, offset: int, size: int) -> bytes:
        """Part of a disk that no guest uses; empty at its end.  Raises OpExecError."""
        path = await self._path(instance, disk)
        try:
            return await deferToThread(_read, path, offset, size)
        except OSError as error:
            raise OpExecError(f"Can't read disk {disk.name}: {error}") from error

    async def write_chunk(
        self, instance: Instance, disk: Disk, offset: int, content: bytes, is_last: bool
    ) -> None:
        """Write part of a disk; all of it is on stable storage after the last.  OpExecError."""
        path = await self._path(instance, disk)
        try:
            await deferToThread(_write_at, path, offset, content, is_last)
        except OSError as error:
            raise OpExecError(f"Can't write disk {disk.name}: {error}") from error

    async def _path(self, instance: Instance, disk: Disk) -> Path:
        drive: Drive = await self.template.activate(instance.name, disk)
        if not isinstance(drive, FileDrive | DeviceDrive):
            raise OpExecError(f"Disk {disk.name} has no file or device to copy")
        return Path(drive.path)

    async def let_go_soon(self, instance: Instance) -> None:
        """Source: its storage admits a second QEMU while the guest moves."""
        for disk in instance.disks:
            await self.template.allow_handover(instance.name, disk)

    async def expect(self, instance: Instance, shape: Shape) -> str:
        """
        Destination: disks, NICs and a QEMU that waits for the guest; where it is to be sent.

        On failure nothing of it is left here.
        """
        for disk in instance.disks:
            await self.template.activate(instance.name, disk, exclusive=False)
        try:
            nics = await self.plug(evolve(instance, hvparams=instance.hvparams | shape.hvparams))
            guest = evolve(self.guest_of(instance, nics), shape=shape)
            uri: str = await self.hypervisor.expect(guest, self.door)
        except Exception:
            await self.forget(instance)
            raise
        return uri

    async def send(self, instance: Instance, uri: str, settings: MigrationSettings) -> Migrated:
        """Source: send it; when this returns it runs nowhere, and its disks are let go."""
        if self.door is not None and self.door.tls is not None and uri.startswith("tcp:"):
            settings = evolve(settings, tls=self.door.tls)
        else:
            settings = evolve(settings, tls=None, tls_host=None)
        migrated: Migrated = await self.hypervisor.migrate(instance.name, uri, settings)
        for disk in instance.disks:
            await self.template.hand_over(instance.name, disk)
        return migrated

    async def settle(self, instance: Instance, run: bool) -> None:
        """Destination: let the guest go on.  Source: end what is left of it."""
        if self.hypervisor.state(instance.name) in {State.ARRIVING, State.ARRIVED}:
            for disk in instance.disks:
                await self.template.take_over(instance.name, disk)
        await self.hypervisor.settle(instance.name, run)

    async def abort(self, instance: Instance) -> None:
        """Destination: end what arrived.  Source: let the guest go on here."""
        await self.hypervisor.abort(instance.name)

    async def forget(self, instance: Instance) -> None:
        """It is on another node: NICs go, and disks are inactive here."""
        await self.network.unplug(instance.name)
        for disk in instance.disks:
            await self.template.deactivate(instance.name, disk)

    async def own_again(self, instance: Instance) -> None:
        """Destination, once the source is gone: the disks are this node's alone."""
        for disk in instance.disks:
            await self.template.activate(instance.name, disk)


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as disk:
        disk.seek(offset)
        return disk.read(size)


def _write_at(path: Path, offset: int, content: bytes, is_last: bool) -> None:
    with path.open("r+b") as disk:
        disk.seek(offset)
        disk.write(content)
        disk.flush()
        if is_last:
            os.fsync(disk.fileno())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.chmod(0o600)
    partial.replace(path)
