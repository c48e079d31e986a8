"""
Exports of instances on this node: a directory for each, with images and a config.ini.

An export appears whole: it is made under another name first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Disk, Instance
from ganetid.disks.interface import IDiskTemplate
from ganetid.node.devices import place_of
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.backup_config import image_name
from ganetid.opcodes.errors import OpExecError

COPY_TIMEOUT_S = 6 * 3600.0
CONFIG = "config.ini"


@frozen
class Exports:
    """All exports below `directory`."""

    directory: Path

    async def begin(self, instance: Instance) -> None:
        """Make room for a new export; one that is there stays until the new one is whole."""
        await deferToThread(_make_anew, self._partial(instance.name))

    async def copy(
        self, instance: Instance, disk: Disk, index: int, template: IDiskTemplate
    ) -> None:
        """Copy a disk that no guest uses.  Raises OpExecError."""
        source = place_of(await template.activate(instance.name, disk))
        target = self._partial(instance.name) / image_name(index)
        await copied(source, str(target), f"Can't copy disk {disk.name}")

    async def names(self) -> tuple[str, ...]:
        """Of the instances of all exports that are whole.  Raises OpExecError."""
        try:
            return await deferToThread(_names, self.directory)
        except OSError as error:
            raise OpExecError(f"Can't list exports: {error}") from error

    async def read(self, name: str) -> str | None:
        """The config.ini of an export, None when there is none.  Raises OpExecError."""
        try:
            return await deferToThread(_read, self._whole(name) / CONFIG)
        except (OSError, UnicodeDecodeError) as error:
            raise OpExecError(f"Can't read the export of {name}: {error}") from error

    async def restore(
        self, instance: Instance, disk: Disk, source: tuple[str, str], template: IDiskTemplate
    ) -> None:
        """Write an image, (export, file), to a disk.  Raises OpExecError."""
        name, image = source
        if "/" in image or image in {"", ".", ".."}:
            raise OpExecError(f"'{image}' can't be a file's name")
        target = place_of(await template.activate(instance.name, disk))
        await copied(
            str(self._whole(name) / image), target, f"Can't fill disk {disk.name}", ("-n",)
        )

    def _whole(self, name: str) -> Path:
        if "/" in name or name in {"", ".", ".."}:
            raise OpExecError(f"'{name}' can't be a directory's name")
        return self.directory / name

    async def end(self, instance: Instance, config: str) -> None:
        """The export is whole.  Raises OpExecError."""
        try:
            await deferToThread(
                _finish, self._partial(instance.name), self._whole(instance.name), config
            )
        except OSError as error:
            raise OpExecError(f"Can't finish the export: {error}") from error

    async def remove(self, name: str) -> bool:
        """Whether there was an export of an instance of this name."""
        return await deferToThread(_remove, self._whole(name))

    def _partial(self, name: str) -> Path:
        return self.directory / f"{name}.new"


async def copied(source: str, target: str, complaint: str, options: tuple[str, ...] = ()) -> None:
    """
    Copy a raw image; places are paths or URIs of QEMU.  Raises OpExecError, beginning so.

    options: of qemu-img convert, ``-n`` when the target is there already.
    """
    command = ["qemu-img", "convert", *options, "-f", "raw", "-O", "raw", source, target]
    try:
        await run(reactor, command, timeout_s=COPY_TIMEOUT_S)
    except ProgramFailed as error:
        raise OpExecError(f"{complaint}: {error}") from error


def _names(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in directory.glob(f"*/{CONFIG}")))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _make_anew(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)


def _finish(partial: Path, whole: Path, config: str) -> None:
    with (partial / CONFIG).open("w", encoding="utf-8") as stream:
        stream.write(config)
        stream.flush()
        os.fsync(stream.fileno())
    for path in partial.iterdir():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    shutil.rmtree(whole, ignore_errors=True)
    partial.replace(whole)


def _remove(path: Path) -> bool:
    was_there = path.is_dir()
    shutil.rmtree(path, ignore_errors=True)
    return was_there
