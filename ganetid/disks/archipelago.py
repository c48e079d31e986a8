"""
Provider archipelago of template ext: volumes of archipelagod, reached by QEMU over NBD.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.task import deferLater
from zope.interface import implementer

from archipelagod.wire.errors import (
    NoSuchVolume,
    StorageError,
    StorageUnavailable,
    VolumeBusy,
    VolumeExists,
)
from ganetid.cluster.model import Disk
from ganetid.disks.blocks import IBlocks
from ganetid.disks.interface import MIB, IDiskTemplate, Space
from ganetid.hypervisor.interface import NbdDrive
from ganetid.opcodes.errors import OpExecError

T = TypeVar("T")

AWAY_PATIENCE_S = 20.0  # archipelagod may just be started again
AWAY_DELAY_S = 0.2
BUSY_PATIENCE_S = 5.0
BUSY_DELAY_S = 0.1


@implementer(IDiskTemplate)
class Archipelago:
    """
    IDiskTemplate over archipelagod.

    nbd_socket: archipelagod's NBD socket; the export's name is the volume's.
    While archipelagod is away, everything is tried again for up to 20 s.
    A disk's origin may be written as Synnefo does, ``pithosmap://<map>/<size>``.
    """

    name = "archipelago"

    def __init__(self, reactor: Any, blocks: IBlocks, nbd_socket: str) -> None:
        self._reactor = reactor
        self._blocks = blocks
        self._nbd_socket = nbd_socket
        self._held: set[str] = set()

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._make_once("create", disk, lambda: self._make(disk))

    async def _make_once(self, verb: str, disk: Disk, make: Callable[[], Awaitable[None]]) -> None:
        """`make` makes a volume, but only once, even when an answer is lost."""
        tries = 0

        async def attempt() -> None:
            nonlocal tries
            tries += 1
            try:
                await make()
            except VolumeExists:
                if tries == 1:
                    raise  # later ones find what an earlier one made, whose answer was lost

        try:
            await self._patiently(attempt)
        except StorageError as error:
            nothing_made = tries == 1 and _is_refusal(error)
            raise _failed(verb, disk, error, nothing_made) from error

    async def _make(self, disk: Disk) -> None:
        size_bytes = disk.size_mib * MIB
        if disk.origin:
            await self._blocks.clone(map_of(disk.origin), disk.name, size_bytes)
        else:
            await self._blocks.create(disk.name, size_bytes)

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        try:
            await self._patiently(lambda: self._blocks.info(disk.name))
        except NoSuchVolume:
            return False
        except StorageError as error:
            raise _failed("look for", disk, error) from error
        return True

    async def remove(self, instance: str, disk: Disk) -> None:
        """
        See IDiskTemplate.

        archipelagod may still hold the connection of a QEMU that has just ended, so a busy volume
        is tried again for up to 5 s.
        """
        deadline = self._reactor.seconds() + BUSY_PATIENCE_S
        while True:
            try:
                await self._patiently(lambda: self._blocks.delete(disk.name))
            except NoSuchVolume:
                return
            except VolumeBusy as error:
                if self._reactor.seconds() >= deadline:
                    raise _failed("remove", disk, error) from error
                await deferLater(self._reactor, BUSY_DELAY_S)
            except StorageError as error:
                raise _failed("remove", disk, error) from error
            else:
                return

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> NbdDrive:
        """See IDiskTemplate."""
        await self.size(instance, disk)
        if not exclusive:
            await self.allow_handover(instance, disk)
        return self.drive(instance, disk)

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  The volume closes when its last client goes."""
        if disk.name in self._held:
            self._held.discard(disk.name)
            with contextlib.suppress(StorageError):  # the hold went with the connection
                await self._blocks.release(disk.name)

    def drive(self, instance: str, disk: Disk) -> NbdDrive:
        """See IDiskTemplate."""
        return NbdDrive(self._nbd_socket, disk.name, read_only=disk.mode == "ro")

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate."""
        info = await self._ask("look for", disk, lambda: self._blocks.info(disk.name))
        return int(info.size_bytes)

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        wanted = new_size_mib * MIB
        if await self.size(instance, disk) < wanted:
            await self._ask("grow", disk, lambda: self._blocks.resize(disk.name, wanted))

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        await self._make_once("snapshot", disk, lambda: self._blocks.snapshot(disk.name, name))

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate."""
        if new_name == disk.name:
            return
        try:
            await self._patiently(lambda: self._blocks.rename(disk.name, new_name))
        except NoSuchVolume as error:
            if not await self.exists(new_instance, evolve(disk, name=new_name)):
                raise _failed("rename", disk, error) from error
        except StorageError as error:
            raise _failed("rename", disk, error) from error

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate.  Volumes have a name and nothing else."""

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """
        See IDiskTemplate.

        The QEMUs may be at one archipelagod or at two; both are told, for nobody here knows which.
        """
        await self._ask("hand over", disk, lambda: self._blocks.allow_handover(disk.name))

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self.deactivate(instance, disk)
        await self._ask("hand over", disk, lambda: self._blocks.hand_over(disk.name))

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate.  The volume is held until `deactivate`: QEMU may connect late."""
        await self._ask("take over", disk, lambda: self._blocks.acquire(disk.name))
        self._held.add(disk.name)

    async def statistics(self) -> Space | None:
        """See IDiskTemplate.  archipelagod does not tell the room of its store."""
        return None

    async def _ask(self, verb: str, disk: Disk, ask: Callable[[], Awaitable[T]]) -> T:
        """The patient answer of `ask`.  Raises OpExecError."""
        try:
            return await self._patiently(ask)
        except StorageError as error:
            raise _failed(verb, disk, error) from error

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer of `ask`, which is called again while storage is away, for up to 20 s."""
        deadline = self._reactor.seconds() + AWAY_PATIENCE_S
        while True:
            try:
                return await ask()
            except StorageUnavailable:
                if self._reactor.seconds() >= deadline:
                    raise
                await deferLater(self._reactor, AWAY_DELAY_S)


def map_of(origin: str) -> str:
    """The map's name in an origin, with or without Synnefo's scheme around it."""
    if origin.startswith("pithosmap://"):
        return origin.removeprefix("pithosmap://").partition("/")[0]
    return origin


def _is_refusal(error: StorageError) -> bool:
    """Storage refused, so that nothing was made; otherwise nobody knows."""
    return not isinstance(error, StorageUnavailable) and type(error) is not StorageError


def _failed(verb: str, disk: Disk, error: StorageError, nothing_made: bool = False) -> OpExecError:
    return OpExecError(
        f"Can't {verb} volume {disk.name}: {type(error).__name__}: {error}", nothing_made
    )
