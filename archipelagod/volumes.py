"""
Every operation on volumes, for the reactor: what the block protocol and NBD offer.
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger

from archipelagod.custody import Attachment, Custody
from archipelagod.datapath.interface import IServing
from archipelagod.stored_limits import StoredLimits
from archipelagod.threads import Threads
from archipelagod.upkeep.service import Upkeep
from archipelagod.use import Owner
from archipelagod.uses import Uses
from archipelagod.volume import changes, content
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.content import Progress
from archipelagod.volume.information import VolumeInfo
from archipelagod.volume.map_format import MAX_VOLUME_BYTES
from archipelagod.volume.names import checked_name
from archipelagod.volume.opening import open_volume
from archipelagod.wire.errors import OutOfRange, StorageError, VolumeBusy
from archipelagod.wire.values import Extent, Limits

T = TypeVar("T")
FLATTENED_BYTES = 64 << 20  # at a time
RECOVERY_PAUSES_S = (0.0, 1.0, 10.0)  # workers of a killed daemon may only be dying


class Volumes:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds; see BlockClient.
    """

    _log = Logger()

    def __init__(
        self,
        catalogue: Catalogue,
        uses: Uses,
        limits: StoredLimits,
        upkeep: Upkeep,
        run_in_thread: Threads,
    ) -> None:
        self._catalogue = catalogue
        self._upkeep = upkeep
        self._uses = uses
        self._custody = Custody(uses)
        self._limits = limits
        self._run_in_thread = run_in_thread

    async def create(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.create, volume, size_bytes)

    async def create_from_hashes(
        self, volume: str, size_bytes: int, keys: builtins.list[str], read_only: bool
    ) -> None:
        """See BlockClient."""

        def create() -> None:
            content.create_from_hashes(
                self._catalogue, volume, size_bytes, keys, is_read_only=read_only
            )

        await self._run_in_thread(create)

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.clone, origin, volume, size_bytes)

    async def snapshot(self, volume: str, name: str) -> None:
        """See BlockClient.  Clients of the volume only wait for a moment."""

        async def freeze(serving: IServing) -> None:
            await serving.snapshot(await self._run_in_thread(self._catalogue.new_map, name))

        await self._custody.while_open(
            checked_name(volume),
            freeze,
            lambda: self._run_in_thread(self._catalogue.snapshot, volume, name),
        )

    async def resize(self, volume: str, size_bytes: int) -> None:
        """See BlockClient.  Clients that come later see the new size."""
        if not 0 < size_bytes <= MAX_VOLUME_BYTES:
            raise OutOfRange(f"{volume}: {size_bytes} bytes; 1 to {MAX_VOLUME_BYTES} are possible")
        await self._custody.while_open(
            checked_name(volume),
            lambda serving: serving.resize(size_bytes),
            lambda: self._run_in_thread(self._catalogue.resize, volume, size_bytes),
        )

    async def seal(self, volume: str) -> None:
        """See BlockClient."""
        found = await self._run_in_thread(self._catalogue.info, volume)
        if not found.read_only:
            await self._alone(volume, self._catalogue.seal, volume)

    async def protect(self, volume: str, on: bool) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.protect, volume, on)

    async def rollback(self, volume: str, snapshot: str) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.rollback, volume, snapshot)

    async def rename(self, volume: str, name: str) -> None:
        """See BlockClient."""
        await self._alone(volume, self._catalogue.rename, volume, name)

    async def delete(self, volume: str) -> None:
        """See BlockClient.  The space is freed after the call."""
        header = await self._alone(volume, self._catalogue.delete, volume)
        await self._run_in_thread(self._limits.forget, header.uid)
        self._upkeep.deleted(header)

    async def gc(self, progress: Progress = None) -> dict[str, Any]:
        """See BlockClient."""
        return await self._upkeep.gc(progress)

    async def scrub(self, progress: Progress = None) -> dict[str, Any]:
        """See BlockClient."""
        return await self._upkeep.scrub(progress)

    async def _alone(self, volume: str, operation: Callable[..., T], *arguments: Any) -> T:
        return await self._custody.exclusively(
            checked_name(volume), lambda: self._run_in_thread(operation, *arguments)
        )

    async def info(self, volume: str) -> VolumeInfo:
        """See BlockClient."""
        return await self._present(await self._run_in_thread(self._catalogue.info, volume))

    async def list(self, marker: str, limit: int, prefix: str) -> builtins.list[VolumeInfo]:
        """See BlockClient."""
        found = await self._run_in_thread(self._catalogue.list, marker, limit, prefix)
        return await _together([self._present(info) for info in found])

    async def _present(self, info: VolumeInfo) -> VolumeInfo:
        """
        As it is now, if it is open.
        """
        serving = self._uses.open_now().get(info.name)
        if serving is None:
            return info
        connections = self._custody.connections(info.name)
        try:
            usage = await serving.usage()
        except StorageError:  # closed meanwhile
            return msgspec.structs.replace(info, connections=connections)
        return msgspec.structs.replace(
            info,
            connections=connections,
            size_bytes=serving.size_bytes,
            own_bytes=usage.own,
            shared_bytes=usage.shared,
        )

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        """See BlockClient."""
        return await self._custody.call(checked_name(volume), lambda link: link.read(offset, size))

    async def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None:
        """See BlockClient."""
        await self._custody.call(
            checked_name(volume), lambda link: link.write(offset, data, fua=fua), is_change=True
        )

    async def flush(self, volume: str) -> None:
        """See BlockClient."""
        await self._custody.call(checked_name(volume), lambda link: link.flush())

    async def zero(self, volume: str, offset: int, size: int, *, is_hint: bool = False) -> None:
        """See BlockClient."""
        await self._custody.call(
            checked_name(volume),
            lambda link: link.zero(offset, size, is_hint=is_hint),
            is_change=True,
        )

    async def mapr(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """See BlockClient."""

        async def mapping(serving: IServing) -> builtins.list[Extent]:
            found: list[Extent] = []
            at, end = offset, offset + size
            while at < end or not found:
                part = [Extent(*each) for each in await serving.mapping(at, end - at)]
                if not part:
                    break
                found += part
                at = part[-1].offset + part[-1].size
            return found

        return await self._custody.while_borrowed(checked_name(volume), mapping)

    async def mapw(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """See BlockClient."""
        await self._custody.while_borrowed(
            checked_name(volume), lambda serving: serving.own(offset, size)
        )
        return await self.mapr(volume, offset, size)

    async def flatten(self, volume: str, progress: Progress = None) -> None:
        """See BlockClient.  Clients of the volume may go on."""

        async def flatten(serving: IServing) -> None:
            for offset in range(0, serving.size_bytes, FLATTENED_BYTES):
                if progress is not None:
                    progress(offset, serving.size_bytes)
                await serving.own(offset, min(FLATTENED_BYTES, serving.size_bytes - offset))

        await self._custody.while_borrowed(checked_name(volume), flatten)

    async def copy(self, volume: str, name: str, progress: Progress = None) -> None:
        """See BlockClient."""
        origin = volume
        if not (await self.info(volume)).read_only:
            origin = f"{checked_name(name)[:100]}.copied-{secrets.token_hex(4)}"
            await self.snapshot(volume, origin)
        try:
            await self.clone(origin, name)
            await self.flatten(name, progress)
        finally:
            if origin != volume:
                await self.delete(origin)

    async def diff(
        self, older: str | None, volume: str, offset: int, limit: int
    ) -> tuple[builtins.list[Extent], int | None]:
        """See BlockClient."""
        store = self._catalogue.store
        return await self._run_in_thread(changes.changes, store, older, volume, offset, limit)

    async def hash(self, volume: str, progress: Progress = None) -> str:
        """See BlockClient."""

        def hashed() -> str:
            opened = open_volume(self._catalogue.store, checked_name(volume), 0)
            try:
                return content.hash_volume(opened, progress)
            finally:
                opened.close()

        return await self._run_in_thread(hashed)

    async def put_block(self, data: bytes) -> str:
        """See BlockClient."""
        return await self._run_in_thread(content.put_block, self._catalogue.store, data)

    async def get_block(self, key: str) -> bytes:
        """See BlockClient."""
        return await self._run_in_thread(content.get_block, self._catalogue.store, key)

    async def have_blocks(self, keys: builtins.list[str]) -> builtins.list[str]:
        """See BlockClient."""
        return await self._run_in_thread(content.have_blocks, self._catalogue.store, keys)

    async def set_limits(self, volume: str, limits: Limits) -> None:
        """See BlockClient."""
        header = await self._run_in_thread(self._catalogue.header, checked_name(volume))
        await self._run_in_thread(self._limits.put, header.uid, limits)
        serving = self._uses.open_now().get(volume)
        if serving is not None:
            await serving.set_limits(limits)

    async def statistics(self) -> dict[str, Any]:
        """See BlockClient."""
        servings = self._uses.open_now()
        found = await _together([_figures(serving) for serving in servings.values()])
        volumes = {name: figures for name, figures in zip(servings, found, strict=True) if figures}
        return {"volumes": volumes, "upkeep": self._upkeep.statistics()}

    async def allow_handover(self, volume: str) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.header, volume)
        self._custody.allow_handover(volume)

    async def hand_over(self, volume: str) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.header, volume)
        await self._custody.hand_over(volume)

    async def acquire(self, volume: str) -> None:
        """See BlockClient."""
        await self._custody.acquire(checked_name(volume))

    async def release(self, volume: str) -> None:
        """See BlockClient."""
        await self._run_in_thread(self._catalogue.header, volume)
        await self._custody.release(volume)

    async def attach(self, volume: str, owner: Owner) -> Attachment:
        """
        A claim on the volume for a client; see Custody.
        """
        await self._run_in_thread(self._catalogue.info, volume)  # spare a worker for nothing
        return await self._custody.attach(volume, owner)

    async def recover(self) -> None:
        """
        Puts in order what a crash left: volumes not closed, deletions not finished.
        """
        left = await self._run_in_thread(self._catalogue.unsettled)
        for pause_s in RECOVERY_PAUSES_S:
            if left:
                await deferLater(self._uses.reactor, pause_s)
            left = [name for name in left if not await self._settles(name)]
        self._upkeep.start()

    async def _settles(self, name: str) -> bool:
        """
        Whether that is done; not while another has the volume, who may be dying or another daemon.
        """
        try:
            await self._custody.exclusively(
                name, lambda: self._run_in_thread(self._catalogue.settle, name), patience_s=0.0
            )
        except StorageError as error:
            self._log.info("{volume} waits: {error}", volume=name, error=str(error))
            return not isinstance(error, VolumeBusy)
        return True

    async def close(self) -> None:
        """
        Ends all clients and closes every volume.
        """
        await self._upkeep.stop()
        await self._uses.close()


async def _together(work: list[Coroutine[Any, Any, T]]) -> list[T]:
    """
    The results of what is done at the same time.
    """
    found: list[T] = await gatherResults([Deferred.fromCoroutine(each) for each in work])
    return found


async def _figures(serving: IServing) -> dict[str, Any] | None:
    try:
        return await serving.statistics()
    except StorageError:
        return None  # closed meanwhile
