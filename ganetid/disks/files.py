"""
Templates file and sharedfile: each disk a sparse raw file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import MIB, IDiskTemplate, Space
from ganetid.disks.storage_paths import StoragePaths
from ganetid.hypervisor.interface import FileDrive
from ganetid.opcodes.errors import OpExecError

T = TypeVar("T")

ANYWHERE: Callable[[Path], None] = lambda path: None  # noqa: E731


@implementer(IDiskTemplate)
class FileTemplate:
    """
    IDiskTemplate over files in ``<directory>/<instance>/``.

    name: ``file``, or ``sharedfile`` when every node sees the directory.
    paths: where the node's administrator allows disks; None: just in `directory`, which is ours.
    """

    def __init__(
        self, directory: Path, name: str = "file", paths: StoragePaths | None = None
    ) -> None:
        self.name = name
        self._directory = directory
        self._check = ANYWHERE if paths is None else paths.check

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        if disk.origin:
            raise OpExecError(f"A disk of template {self.name} can't be a clone", nothing_made=True)

        def make(path: Path) -> None:
            _make(path, disk.size_mib * MIB)

        await self._on_file("create", instance, disk, make)

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        return await self._on_file("look for", instance, disk, Path.exists)

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._on_file("remove", instance, disk, _remove)

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> FileDrive:
        """See IDiskTemplate."""
        await self.size(instance, disk)
        return self.drive(instance, disk)

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    def drive(self, instance: str, disk: Disk) -> FileDrive:
        """See IDiskTemplate."""
        return FileDrive(str(self._path(instance, disk.name)), read_only=disk.mode == "ro")

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate."""
        return await self._on_file("look at", instance, disk, lambda path: path.stat().st_size)

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        await self._on_file("grow", instance, disk, lambda path: _grow(path, new_size_mib * MIB))

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        raise OpExecError(f"Disk template {self.name} has no snapshots", nothing_made=True)

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate."""
        target = self._path(new_instance, new_name)

        def move(path: Path) -> None:
            self._check(target)
            _move(path, target)

        await self._on_file("rename", instance, disk, move)

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate.  The directory tells it."""

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  QEMU itself hands its locks of files over."""

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  QEMU did."""

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    async def statistics(self) -> Space | None:
        """See IDiskTemplate."""
        return await deferToThread(_space, self._directory)

    async def _on_file(self, verb: str, instance: str, disk: Disk, work: Callable[[Path], T]) -> T:
        """What `work` finds, in a thread.  Raises OpExecError, FileStoragePathError."""
        path = self._path(instance, disk.name)

        def check_and_work() -> T:
            self._check(path)
            return work(path)

        try:
            return await deferToThread(check_and_work)
        except OSError as error:
            raise OpExecError(
                f"Can't {verb} disk {disk.name}: {error.strerror}", nothing_made=verb == "create"
            ) from error

    def _path(self, instance: str, name: str) -> Path:
        for part in (instance, name):
            if part in {"", ".", ".."} or "/" in part or "\0" in part:
                raise OpExecError(f"'{part}' can't be a file's name", nothing_made=True)
        return self._directory / instance / f"{name}.raw"


def _make(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.ftruncate(handle, size_bytes)
        os.fsync(handle)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(handle)


def _grow(path: Path, size_bytes: int) -> None:
    """A file that has the size already was grown before a crash; a larger one is never cut."""
    handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_size < size_bytes:
            os.ftruncate(handle, size_bytes)
            os.fsync(handle)
    finally:
        os.close(handle)


def _move(path: Path, target: Path) -> None:
    """Where nothing is left to move and the target is there, it was moved before a crash."""
    if path == target or (target.exists() and not path.exists()):
        return
    if target.exists():
        raise FileExistsError(17, "File exists", str(target))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.rename(target)
    _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _space(directory: Path) -> Space | None:
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    unit = found.f_frsize
    return Space(found.f_blocks * unit // MIB, found.f_bavail * unit // MIB)
