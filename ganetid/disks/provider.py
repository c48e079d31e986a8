"""
A disk at a provider of external storage: Ganeti's ExtStorage interface, scripts as they are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import MIB, IDiskTemplate, Space
from ganetid.disks.provider_scripts import (
    KERNELSPACE,
    SEARCH_PATH,
    USERSPACE,
    BadProvider,
    Provider,
    environment_of,
    metadata_from,
    provider_named,
)
from ganetid.disks.uris import UnknownAddress, drive_at
from ganetid.hypervisor.interface import DeviceDrive, Drive
from ganetid.opcodes.errors import OpExecError
from ganetid.scripts.logged import Finished, Logbook, LoggedFailure
from ganetid.scripts.names import is_plain
from ganetid.scripts.running import Script

TIMEOUT_S = 3600.0  # copying an image into a new volume takes its time


@frozen
class Bench:
    """
    What every provider of this node needs.

    logs: where each call's words are kept.  access: how disks are reached whose parameters don't
    say it.  hypervisor: Ganeti's name of it, which begins the addresses that are for it.
    """

    logs: Logbook
    search_path: Iterable[Path] = SEARCH_PATH
    access: str = KERNELSPACE
    hypervisor: str = "kvm"
    timeout_s: float = TIMEOUT_S

    def access_of(self, disk: Disk) -> str:
        """How this disk is reached."""
        return disk.params.get("access", self.access)


@frozen
class Attached:
    """What ``attach`` said: a block device, and addresses by hypervisor."""

    device: str | None
    addresses: dict[str, str] = field(factory=dict)


@implementer(IDiskTemplate)
class ExternalProvider:
    """
    IDiskTemplate over a provider's scripts, looked at anew for every call.

    Order of calls, as Ganeti's: create, attach, open, setinfo; to start a guest: attach, open;
    after it: close, detach; detach, remove.
    """

    def __init__(self, name: str, bench: Bench) -> None:
        self.name = name
        self._bench = bench
        self._drives: dict[str, Drive] = {}
        self._unmade: set[str] = set()  # whose create failed: perhaps there is nothing to remove

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        try:
            await self._call("create", disk, size_mib=disk.size_mib)
        except OpExecError:
            self._unmade.add(disk.name)
            raise
        self._unmade.discard(disk.name)
        await self.activate(instance, disk)
        await self.set_info(instance, disk, f"originstname+{instance}")

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate.  There is no better way to ask than to attach it."""
        try:
            await self._attach(disk)
        except LoggedFailure:
            return False
        return True

    async def remove(self, instance: str, disk: Disk) -> None:
        """
        See IDiskTemplate.

        A provider can't tell a volume that is gone from one out of reach, so its error is ours.
        """
        await self._call("detach", disk)
        try:
            await self._call("remove", disk)
        except OpExecError:
            if disk.name not in self._unmade or await self.exists(instance, disk):
                raise
        self._unmade.discard(disk.name)
        self._drives.pop(disk.name, None)

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> Drive:
        """See IDiskTemplate."""
        try:
            attached = await self._attach(disk)
        except LoggedFailure as error:
            raise _failed("attach", error) from error
        drive = await deferToThread(self._drive_from, attached, disk)
        await self._call("open", disk, exclusive=exclusive)
        self._drives[disk.name] = drive
        return drive

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._call("close", disk)
        await self._call("detach", disk)
        self._drives.pop(disk.name, None)

    def drive(self, instance: str, disk: Disk) -> Drive:
        """See IDiskTemplate."""
        drive = self._drives.get(disk.name)
        if drive is None:
            raise OpExecError(f"Disk {disk.name} is not active on this node")
        return drive

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate.  Of a volume that only QEMU can open, what is configured."""
        drive = self.drive(instance, disk)
        if not isinstance(drive, DeviceDrive):
            return disk.size_mib * MIB
        try:
            return await deferToThread(_end_of, drive.path)
        except OSError as error:
            raise OpExecError(f"Can't look at disk {disk.name}: {error.strerror}") from error

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        try:
            await self._attach(disk)
        except LoggedFailure as error:
            raise _failed("attach", error) from error
        await self._call("grow", disk, size_mib=disk.size_mib, new_size_mib=new_size_mib)

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        provider = await self._provider()
        if "snapshot" not in provider.scripts:
            raise OpExecError(
                f"ExtStorage provider '{self.name}' has no snapshots", nothing_made=True
            )
        await self._call("snapshot", disk, snapshot=(name, disk.size_mib))

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate.  A volume keeps its name for ever; whose it is can be told."""
        if new_name != disk.name:
            raise OpExecError(f"ExtStorage provider '{self.name}' can't rename volumes")
        if new_instance != instance:
            await self.set_info(instance, disk, f"originstname+{new_instance}")

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate."""
        await self._call("setinfo", disk, metadata=metadata_from(text))

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  The volume is opened once more, for more than one."""
        await self._call("open", disk, exclusive=False)

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  Its scripts have no word for it."""

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    async def statistics(self) -> Space | None:
        """See IDiskTemplate."""
        return None

    async def _provider(self) -> Provider:
        try:
            return await deferToThread(provider_named, self.name, self._bench.search_path)
        except BadProvider as error:
            raise OpExecError(str(error), nothing_made=True) from error

    async def _call(self, action: str, disk: Disk, **told: Any) -> None:
        """Run a script; an optional one that is not there is nothing to do.  OpExecError."""
        provider = await self._provider()
        if action not in provider.scripts:
            return
        script = self._script(provider, action, disk, told)
        try:
            await self._bench.logs.run(script, f"{action}-{self.name}-{disk.name}")
        except LoggedFailure as error:
            raise _failed(action, error) from error

    async def _attach(self, disk: Disk) -> Attached:
        """Raises LoggedFailure."""
        script = self._script(await self._provider(), "attach", disk, {})
        stem = f"attach-{self.name}-{disk.name}"
        finished: Finished = await self._bench.logs.ask(script, stem)
        device, *addresses = finished.output.split("\n")
        known = (line.partition(":") for line in addresses)
        return Attached(
            device.strip() or None,
            {hypervisor.lower(): rest.strip() for hypervisor, colon, rest in known if colon},
        )

    def _script(self, provider: Provider, action: str, disk: Disk, told: Any) -> Script:
        environment = environment_of(disk, self._bench.access_of(disk), **told)
        program = provider.directory / action
        return Script(program, environment, provider.directory, self._bench.timeout_s)

    def _drive_from(self, attached: Attached, disk: Disk) -> Drive:
        """Blocks.  Raises OpExecError."""
        read_only = disk.mode == "ro"
        if attached.device is not None and self._bench.access_of(disk) != USERSPACE:
            _must_be_device(attached.device)
            return DeviceDrive(attached.device, read_only)
        address = attached.addresses.get(self._bench.hypervisor)
        if address is None:
            raise OpExecError(
                f"Userspace access is not supported by the '{self.name}' ExtStorage provider"
                f" for the '{self._bench.hypervisor}' hypervisor"
            )
        try:
            return drive_at(address, read_only)
        except UnknownAddress as error:
            raise OpExecError(
                f"ExtStorage provider '{self.name}' names an address that no guest here can"
                f" have: {error}"
            ) from error


def find_external(bench: Bench) -> Callable[[str], IDiskTemplate | None]:
    """
    For ExtTemplate: a provider of any proper name.  Whether its scripts are there shows when they
    are called, for an administrator may install them at any time.
    """
    return lambda name: ExternalProvider(name, bench) if is_plain(name) else None


def _must_be_device(path: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise OpExecError(f"Error stat()'ing {path}: {error.strerror}") from error
    if not stat.S_ISBLK(mode):
        raise OpExecError(f"{path} is not a block device")


def _end_of(device: str) -> int:
    handle = os.open(device, os.O_RDONLY)
    try:
        return os.lseek(handle, 0, os.SEEK_END)
    finally:
        os.close(handle)


def _failed(action: str, error: LoggedFailure) -> OpExecError:
    """In Ganeti's words, and with the log's name."""
    where = f", see {error.log}" if error.log else ""
    lines = "\n".join(error.lines)
    return OpExecError(
        f"External storage's {action} script failed ({error.reason}{where}), last lines of"
        f" output:\n{lines}"
    )
