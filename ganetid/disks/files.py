"""
Template file: each disk a sparse raw file in the node's state directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import FileDrive
from ganetid.opcodes.errors import OpExecError

MIB = 1024 * 1024


@implementer(IDiskTemplate)
class FileTemplate:
    """IDiskTemplate over files in ``<directory>/<instance>/``."""

    name = "file"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        if disk.origin:
            raise OpExecError("A disk of template file can't be a clone")
        try:
            await deferToThread(_make, self._path(instance, disk), disk.size_mib * MIB)
        except OSError as error:
            raise OpExecError(
                f"Can't create disk {disk.name}: {error.strerror}", nothing_made=True
            ) from error

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        return await deferToThread(self._path(instance, disk).exists)

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        try:
            await deferToThread(_remove, self._path(instance, disk))
        except OSError as error:
            raise OpExecError(f"Can't remove disk {disk.name}: {error.strerror}") from error

    def drive(self, instance: str, disk: Disk) -> FileDrive:
        """See IDiskTemplate."""
        return FileDrive(str(self._path(instance, disk)), read_only=disk.mode == "ro")

    def _path(self, instance: str, disk: Disk) -> Path:
        return self._directory / instance / f"{disk.name}.raw"


def _make(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.ftruncate(handle, size_bytes)
        os.fsync(handle)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
