"""
A client of the block protocol.
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from typing import Any

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire import operations as op
from archipelagod.wire import requests, results
from archipelagod.wire.asking import Asking
from archipelagod.wire.block_volume import BlockVolume, opened
from archipelagod.wire.dialling import Dialler
from archipelagod.wire.frames import Frame
from archipelagod.wire.link import Progress
from archipelagod.wire.requests import request
from archipelagod.wire.values import Extent, Limits

__all__ = ["BlockClient", "BlockVolume", "Extent", "Limits", "VolumeInfo"]


class BlockClient:
    """
    One connection, made when it is needed, over which requests go without waiting for each other.

    endpoint: of a Twisted client, such as ``unix:/var/lib/synnefo/block.sock``; for TLS
    ``ssl:HOST:PORT:ca=FILE``, see ``parse_place``.
    timeout_s: how long one request may take, connecting included; for long operations (those with
    ``progress``), how long the daemon may say nothing.

    Every method raises StorageUnavailable when there is no answer: a change may or may not have
    happened then.  NotAuthenticated when the secrets differ, BadRequest for a bad name,
    NoSuchVolume, VolumeBusy when others have the volume open in a way that forbids it.
    ``progress`` is called with what is done and the total.
    """

    def __init__(self, reactor: Any, endpoint: str, secret: bytes, timeout_s: float = 30.0) -> None:
        self._dialler = Dialler(reactor, endpoint, secret, timeout_s)
        self._asking = Asking(reactor, timeout_s)
        self._owner = secrets.randbits(62) + 1

    async def create(self, volume: str, size_bytes: int) -> None:
        """
        A new volume of zeros.  Raises VolumeExists, OutOfRange.
        """
        await self._ask(request(op.CREATE, volume, size=size_bytes))

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """
        A new volume with the content of ``origin``, a snapshot or sealed volume.

        Raises VolumeExists, TooSmall, NotReadOnly.
        """
        await self._ask(requests.clone(origin, volume, size_bytes))

    async def snapshot(self, volume: str, name: str) -> None:
        """
        A read-only volume ``name`` with the present content of ``volume``, which may be in use.

        Raises VolumeExists.
        """
        await self._ask(requests.snapshot(volume, name))

    async def seal(self, volume: str) -> None:
        """
        Makes the volume read-only for ever, with all that was written on stable storage.

        Raises VolumeBusy; nothing happens if it was sealed already.
        """
        await self._ask(request(op.SEAL, volume))

    async def delete(self, volume: str) -> None:
        """
        Removes the volume; its clones live on.  Raises VolumeBusy, Protected.
        """
        await self._ask(request(op.DELETE, volume))

    async def rename(self, volume: str, name: str) -> None:
        """
        Raises VolumeExists, VolumeBusy.
        """
        await self._ask(requests.rename(volume, name))

    async def resize(self, volume: str, size_bytes: int) -> None:
        """
        Grows or cuts the volume.  Raises VolumeBusy, ReadOnlyVolume, OutOfRange.
        """
        await self._ask(request(op.RESIZE, volume, size=size_bytes))

    async def rollback(self, volume: str, snapshot: str) -> None:
        """
        Gives the volume the content and size of ``snapshot``, a read-only volume.

        Raises VolumeBusy, ReadOnlyVolume, NotReadOnly, Protected.
        """
        await self._ask(requests.rollback(volume, snapshot))

    async def protect(self, volume: str, on: bool = True) -> None:
        """
        A protected volume is not deleted, renamed or rolled back; ``on=False`` ends that.
        """
        await self._ask(requests.protect(volume, on))

    async def set_limits(self, volume: str, limits: Limits) -> None:
        """
        What the volume's clients may do together, from now on and for ever.
        """
        await self._ask(requests.set_limits(volume, limits))

    async def flatten(self, volume: str, progress: Progress | None = None) -> None:
        """
        Makes the volume share nothing with others.  Raises VolumeBusy, ReadOnlyVolume, NoSpace.
        """
        await self._ask_long(request(op.FLATTEN, volume, flags=op.FLAG_PROGRESS), progress)

    async def copy(self, volume: str, name: str, progress: Progress | None = None) -> None:
        """
        A new volume ``name`` with the present content of another, that shares nothing with it.

        Raises VolumeExists, NoSpace.
        """
        await self._ask_long(requests.copy(volume, name), progress)

    async def info(self, volume: str) -> VolumeInfo:
        """
        What is known of a volume.
        """
        return results.info(await self._ask(request(op.INFO, volume)))

    async def list(
        self, marker: str = "", limit: int = op.MAX_LISTED, prefix: str = ""
    ) -> list[VolumeInfo]:
        """
        At most ``limit`` (up to 1000) volumes, by name, after ``marker``.
        """
        return results.infos(await self._ask(requests.listing(marker, limit, prefix)))

    async def hash(self, volume: str, progress: Progress | None = None) -> str:
        """
        SHA-256 of the content of a read-only volume, as a tree of blocks; hexadecimal.

        Raises NotReadOnly.
        """
        asked = request(op.HASH, volume, flags=op.FLAG_PROGRESS)
        return results.hash_of(await self._ask_long(asked, progress))

    async def mapr(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """
        What is read from where in a range.  Raises OutOfRange.
        """
        return await self._map(op.MAPR, volume, offset, size)

    async def mapw(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """
        Copies what is shared in a range, so that writes there are in place; then as ``mapr``.

        Raises OutOfRange, ReadOnlyVolume, VolumeBusy.
        """
        return await self._map(op.MAPW, volume, offset, size)

    async def _map(
        self, operation: int, volume: str, offset: int, size: int
    ) -> builtins.list[Extent]:
        return await results.all_extents(
            lambda at, left: self._ask(request(operation, volume, offset=at, size=left)),
            offset,
            size,
        )

    async def diff(
        self, older: str | None, volume: str, offset: int = 0, limit: int = op.MAX_EXTENTS
    ) -> tuple[builtins.list[Extent], int | None]:
        """
        Ranges in which ``volume`` differs from ``older`` (None: from nothing but zeros), from
        ``offset`` on, and where to go on if there are more.  Both must be read-only.

        Raises NotReadOnly.
        """
        reply = await self._ask(requests.diff(older, volume, offset, limit))
        return results.extents(reply, offset)

    async def open(self, volume: str) -> BlockVolume:
        """
        The volume over a connection of its own: the fast way.  Raises VolumeBusy.
        """
        return await opened(self._asking, self._dialler, volume, self._owner)

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        """
        ``size`` bytes (up to 4 MiB) at ``offset``.  Raises OutOfRange.
        """
        asked = request(op.READ, volume, offset=offset, size=requests.checked_io(size))
        return results.exactly(await self._ask(asked), size, volume)

    async def write(self, volume: str, offset: int, data: bytes, fua: bool = False) -> None:
        """
        Writes up to 4 MiB; on stable storage when it returns, if ``fua``.

        Raises OutOfRange, VolumeBusy, ReadOnlyVolume, NoSpace.
        """
        await self._ask(requests.write(volume, offset, data, fua))

    async def zero(self, volume: str, offset: int, size: int, fua: bool = False) -> None:
        """
        Makes a range of any size read as zeros.  Raises as ``write``.
        """
        await self._ask(requests.zero(op.WRITE_ZEROES, volume, offset, size, fua))

    async def discard(self, volume: str, offset: int, size: int, fua: bool = False) -> None:
        """
        Gives a range back, where that is possible; what it reads as is not defined.  Raises as
        ``write``.
        """
        await self._ask(requests.zero(op.DISCARD, volume, offset, size, fua))

    async def flush(self, volume: str) -> None:
        """
        Returns when all that was written is on stable storage.  Raises VolumeBusy.
        """
        await self._ask(request(op.FLUSH, volume))

    async def acquire(self, volume: str) -> None:
        """
        Keeps the volume for this daemon, whoever uses it here, until ``release`` or the loss of
        this connection.  Raises VolumeBusy.
        """
        await self._ask(request(op.ACQUIRE, volume))

    async def release(self, volume: str) -> None:
        """
        Ends ``acquire``.  Raises BadRequest when it was not this connection's.
        """
        await self._ask(request(op.RELEASE, volume))

    async def allow_handover(self, volume: str) -> None:
        """
        Lets one further process write the volume until the first is gone: for live migration.

        Said to a daemon where the volume has no clients: the first may come while another daemon
        over the same store has it, and reads what was last written there.  It becomes a writer by
        ``hand_over`` there, then ``acquire`` here, for which it has to connect again.
        """
        await self._ask(request(op.ALLOW_HANDOVER, volume))

    async def hand_over(self, volume: str) -> None:
        """
        Ends the clients' connections and lets another daemon have the volume; but when a further
        process has come to this one (``allow_handover``), nothing happens.
        """
        await self._ask(request(op.HAND_OVER, volume))

    async def put_block(self, data: bytes) -> str:
        """
        Stores up to 4 MiB under the SHA-256 of what is left without trailing zeros, and tells it.
        """
        return results.hash_of(await self._ask(requests.put_block(data)))

    async def get_block(self, key: str) -> bytes:
        """
        A block, without its trailing zeros.  Raises NoSuchBlock, BlockDamaged.
        """
        return (await self._ask(requests.get_block(key))).data

    async def have_blocks(self, keys: Sequence[str]) -> builtins.list[str]:
        """
        Those of ``keys`` that are not stored.
        """
        missing: builtins.list[str] = []
        for asked in requests.have_blocks(keys):
            missing += results.hashes(await self._ask(asked))
        return missing

    async def create_from_hashes(
        self, volume: str, size_bytes: int, keys: Sequence[str], read_only: bool = False
    ) -> None:
        """
        A new volume made of stored blocks, one for each 4 MiB.  Raises NoSuchBlock, VolumeExists.
        """
        for asked in requests.create_from_hashes(volume, size_bytes, keys, read_only):
            await self._ask(asked)

    async def statistics(self) -> dict[str, Any]:
        """
        Figures of the daemon.
        """
        return results.figures(await self._ask(request(op.STATISTICS)))

    async def gc(self, progress: Progress | None = None) -> dict[str, Any]:
        """
        Frees what nothing refers to; tells what it freed.
        """
        asked = request(op.GC, flags=op.FLAG_PROGRESS)
        return results.figures(await self._ask_long(asked, progress))

    async def scrub(self, progress: Progress | None = None) -> dict[str, Any]:
        """
        Verifies all maps and blocks; tells what it found.
        """
        asked = request(op.SCRUB, flags=op.FLAG_PROGRESS)
        return results.figures(await self._ask_long(asked, progress))

    async def close(self) -> None:
        """
        Hangs up; requests under way fail.
        """
        self._dialler.close()

    async def _ask(self, asked: Frame) -> Frame:
        return await self._asking.ask(self._dialler.shared, asked)

    async def _ask_long(self, asked: Frame, progress: Progress | None) -> Frame:
        return await self._asking.ask_long(self._dialler.shared, asked, progress)
