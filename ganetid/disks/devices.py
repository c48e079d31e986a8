"""
Template blockdev: block devices that are there already, and stay when their instance goes.

Source: Ganeti 3.0.2, its PersistentBlockDevice and the adoption of its LUInstanceCreate.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import MIB, IDiskTemplate, Space
from ganetid.hypervisor.interface import DeviceDrive
from ganetid.opcodes.errors import OpExecError

ROOT = "/dev/disk/"  # Ganeti's ADOPTABLE_BLOCKDEV_ROOT
ADOPT = "adopt"


@implementer(IDiskTemplate)
class BlockDevices:
    """IDiskTemplate of devices below /dev/disk, which a disk's parameter ``adopt`` names."""

    name = "blockdev"

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        raise OpExecError("Block devices can only be adopted", nothing_made=True)

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        return bool(await deferToThread(sizes_of, (_path(disk),)))

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  The device stays as it is."""

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> DeviceDrive:
        """See IDiskTemplate."""
        await self.size(instance, disk)
        return self.drive(instance, disk)

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    def drive(self, instance: str, disk: Disk) -> DeviceDrive:
        """See IDiskTemplate."""
        return DeviceDrive(_path(disk), read_only=disk.mode == "ro")

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate."""
        path = _path(disk)
        found = await deferToThread(sizes_of, (path,))
        if path not in found:
            raise OpExecError(f"Missing block device(s): {path}", nothing_made=True)
        return found[path]

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        _refuse("grow")

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        _refuse("snapshot")

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate.  The device knows nothing of instances."""

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate."""

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  Whoever gave the device let all nodes have it."""

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    async def statistics(self) -> Space | None:
        """See IDiskTemplate."""
        return None


def sizes_of(paths: tuple[str, ...]) -> dict[str, int]:
    """Sizes in bytes of those that are block devices here.  Blocks."""
    found = {}
    for path in paths:
        try:
            if stat.S_ISBLK(Path(path).stat().st_mode):
                found[path] = _size(path)
        except OSError:
            continue
    return found


def _size(path: str) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.lseek(handle, 0, os.SEEK_END) // MIB * MIB
    finally:
        os.close(handle)


def _path(disk: Disk) -> str:
    """The device's.  Raises OpExecError for one elsewhere."""
    path = os.path.normpath(disk.params.get(ADOPT, ""))
    if not path.startswith(ROOT):
        raise OpExecError(f"'{path}' is no block device below {ROOT}", nothing_made=True)
    return path


def _refuse(verb: str) -> NoReturn:
    raise OpExecError(f"Can't {verb} a block device", nothing_made=True)
