"""
Provider archipelago of template ext: volumes of archipelagod, reached by QEMU over NBD.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater
from zope.interface import implementer

from archipelagod.wire.errors import NoSuchVolume, StorageError, StorageUnavailable, VolumeBusy
from ganetid.cluster.model import Disk
from ganetid.disks.blocks import IBlocks
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import NbdDrive
from ganetid.opcodes.errors import OpExecError

MIB = 1024 * 1024
BUSY_TRIES = 50
BUSY_DELAY_S = 0.1


@implementer(IDiskTemplate)
class Archipelago:
    """
    IDiskTemplate over archipelagod.

    nbd_socket: archipelagod's NBD socket; the export's name is the volume's.
    A disk's origin may be written as Synnefo does, ``pithosmap://<map>/<size>``.
    """

    name = "archipelago"

    def __init__(self, reactor: Any, blocks: IBlocks, nbd_socket: str) -> None:
        self._reactor = reactor
        self._blocks = blocks
        self._nbd_socket = nbd_socket

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        size_bytes = disk.size_mib * MIB
        try:
            if disk.origin:
                await self._blocks.clone(map_of(disk.origin), disk.name, size_bytes)
            else:
                await self._blocks.create(disk.name, size_bytes)
        except StorageError as error:
            raise _failed("create", disk, error, nothing_made=_is_refusal(error)) from error

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        try:
            await self._blocks.info(disk.name)
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
        for tries_left in reversed(range(BUSY_TRIES)):
            try:
                await self._blocks.delete(disk.name)
            except NoSuchVolume:
                return
            except VolumeBusy as error:
                if not tries_left:
                    raise _failed("remove", disk, error) from error
                await deferLater(self._reactor, BUSY_DELAY_S)
            except StorageError as error:
                raise _failed("remove", disk, error) from error
            else:
                return

    def drive(self, instance: str, disk: Disk) -> NbdDrive:
        """See IDiskTemplate."""
        return NbdDrive(self._nbd_socket, disk.name, read_only=disk.mode == "ro")


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
