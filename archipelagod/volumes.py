"""
Every operation on volumes, for the reactor: what the block protocol and NBD offer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from archipelagod.custody import Attachment, Custody
from archipelagod.threads import Threads
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.information import VolumeInfo
from archipelagod.volume.names import checked_name
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

T = TypeVar("T")


class Volumes:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds; see BlockClient.
    """

    _log = Logger()

    def __init__(self, catalogue: Catalogue, custody: Custody, run_in_thread: Threads) -> None:
        self._catalogue = catalogue
        self._custody = custody
        self._run_in_thread = run_in_thread

    async def create(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.create, volume, size_bytes)

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.clone, origin, volume, size_bytes)

    async def snapshot(self, volume: str, name: str) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.snapshot, volume, name)

    async def seal(self, volume: str) -> None:
        """See BlockClient."""
        found = await self._run_in_thread(self._catalogue.info, volume)
        if not found.read_only:
            await self._alone(volume, self._catalogue.seal, volume)

    async def delete(self, volume: str) -> None:
        """See BlockClient.  The space is freed after the call."""
        header = await self._alone(volume, self._catalogue.delete, volume)
        self.reclaim({header.family})

    def reclaim(self, families: set[int] | None = None) -> Deferred[None]:
        """
        Frees what deleted volumes of some families (or all) took; never fails.
        """
        work = self._run_in_thread(self._catalogue.reclaim, families)
        return Deferred.fromCoroutine(work).addCallbacks(
            lambda count: self._log.debug("{count} objects were freed", count=count),
            self._not_reclaimed,
        )

    def _not_reclaimed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):  # the daemon stops: the next one goes on
            self._log.failure("deleted objects stay for now", failure=failure)

    async def rename(self, volume: str, name: str) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.rename, volume, name)

    async def resize(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.resize, volume, size_bytes)

    async def _alone(self, volume: str, operation: Callable[..., T], *arguments: Any) -> T:
        return await self._custody.exclusively(
            checked_name(volume), lambda: self._run_in_thread(operation, *arguments)
        )

    async def info(self, volume: str) -> VolumeInfo:
        """See BlockClient."""
        return self._counted(await self._run_in_thread(self._catalogue.info, volume))

    async def list(self, marker: str, limit: int, prefix: str) -> list[VolumeInfo]:
        """See BlockClient."""
        found = await self._run_in_thread(self._catalogue.list, marker, limit, prefix)
        return [self._counted(info) for info in found]

    def _counted(self, info: VolumeInfo) -> VolumeInfo:
        return msgspec.structs.replace(info, connections=self._custody.connections(info.name))

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        """See BlockClient."""

        def read(opened: Volume) -> bytes:
            found = bytearray(size)
            opened.read_into(offset, memoryview(found))
            return bytes(found)

        return await self._custody.locally(checked_name(volume), read)

    async def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None:
        """See BlockClient."""

        def write(opened: Volume) -> None:
            opened.write(offset, data)
            if fua:
                opened.flush()

        await self._custody.locally(checked_name(volume), write)

    async def flush(self, volume: str) -> None:
        """See BlockClient."""
        await self._custody.locally(checked_name(volume), Volume.flush)

    async def attach(self, volume: str, owner: int | None) -> Attachment:
        """
        A claim on the volume for an NBD client; see Custody.
        """
        await self._run_in_thread(self._catalogue.info, volume)  # spare a worker for nothing
        return await self._custody.attach(volume, owner)

    async def recover(self) -> None:
        """
        Puts in order what a crash left: volumes not closed, deletions not finished.
        """
        for name in await self._run_in_thread(self._catalogue.unsettled):
            try:
                await self._alone(name, self._catalogue.settle, name)
            except StorageError as error:
                self._log.info("{volume} waits: {error}", volume=name, error=str(error))
        await self.reclaim()

    async def close(self) -> None:
        """
        Ends all clients and closes every volume.
        """
        await self._custody.close()
