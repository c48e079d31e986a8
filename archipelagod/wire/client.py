"""
A client of the block protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire import arguments
from archipelagod.wire import operations as op
from archipelagod.wire.errors import OutOfRange, StorageUnavailable
from archipelagod.wire.frames import MAX_IO_BYTES, REQUEST, Frame
from archipelagod.wire.link import BlockLink

__all__ = ["BlockClient", "VolumeInfo"]

T = TypeVar("T")


class BlockClient:
    """
    One connection, made when it is needed, over which requests go without waiting for each other.

    endpoint: of a Twisted client, such as ``unix:/var/lib/synnefo/block.sock``.
    timeout_s: how long one request may take, connecting included.

    Every method raises StorageUnavailable when there is no answer: a change may or may not have
    happened then.  NotAuthenticated when the secrets differ, BadRequest for a bad name.
    """

    def __init__(self, reactor: Any, endpoint: str, secret: bytes, timeout_s: float = 30.0) -> None:
        self._reactor = reactor
        self._endpoint = clientFromString(reactor, endpoint)
        self._secret = secret
        self._timeout_s = timeout_s
        self._link: BlockLink | None = None
        self._connecting: list[Deferred[BlockLink]] | None = None  # who waits for a connection
        self._is_closed = False

    async def create(self, volume: str, size_bytes: int) -> None:
        """
        A new volume of zeros.  Raises VolumeExists, OutOfRange.
        """
        await self._ask(Frame(REQUEST, op.CREATE, target=volume, size=_natural(size_bytes)))

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """
        A new volume with the content of ``origin``, a snapshot or sealed volume.

        Raises NoSuchVolume, VolumeExists, TooSmall, NotReadOnly.
        """
        flags = op.FLAG_SAME_SIZE if size_bytes is None else 0
        size = _natural(size_bytes or 0)
        await self._ask(
            Frame(REQUEST, op.CLONE, flags=flags, target=origin, size=size, data=volume.encode())
        )

    async def snapshot(self, volume: str, name: str) -> None:
        """
        A read-only volume ``name`` with the present content of ``volume``.

        Raises NoSuchVolume, VolumeExists, VolumeBusy.
        """
        await self._ask(Frame(REQUEST, op.SNAPSHOT, target=volume, data=name.encode()))

    async def seal(self, volume: str) -> None:
        """
        Makes the volume read-only for ever, with all that was written on stable storage.

        Raises NoSuchVolume, VolumeBusy; nothing happens if it was sealed already.
        """
        await self._ask(Frame(REQUEST, op.SEAL, target=volume))

    async def delete(self, volume: str) -> None:
        """
        Removes the volume; its clones live on.  Raises NoSuchVolume, VolumeBusy.
        """
        await self._ask(Frame(REQUEST, op.DELETE, target=volume))

    async def rename(self, volume: str, name: str) -> None:
        """
        Raises NoSuchVolume, VolumeExists, VolumeBusy.
        """
        await self._ask(Frame(REQUEST, op.RENAME, target=volume, data=name.encode()))

    async def resize(self, volume: str, size_bytes: int) -> None:
        """
        Grows or cuts the volume.  Raises NoSuchVolume, VolumeBusy, ReadOnlyVolume, OutOfRange.
        """
        await self._ask(Frame(REQUEST, op.RESIZE, target=volume, size=_natural(size_bytes)))

    async def info(self, volume: str) -> VolumeInfo:
        """
        What is known of a volume.  Raises NoSuchVolume.
        """
        reply = await self._ask(Frame(REQUEST, op.INFO, target=volume))
        return _decoded(arguments.decode_info, reply.data)

    async def list(
        self, marker: str = "", limit: int = op.MAX_LISTED, prefix: str = ""
    ) -> list[VolumeInfo]:
        """
        At most ``limit`` (up to 1000) volumes, by name, after ``marker``.
        """
        data = msgspec.json.encode(arguments.Listing(marker, prefix, limit))
        reply = await self._ask(Frame(REQUEST, op.LIST, data=data))
        return _decoded(arguments.decode_infos, reply.data)

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        """
        ``size`` bytes (up to 4 MiB) at ``offset``.  Raises NoSuchVolume, OutOfRange, VolumeBusy.
        """
        frame = Frame(REQUEST, op.READ, target=volume, offset=_natural(offset), size=_natural(size))
        reply = await self._ask(frame)
        if len(reply.data) != size:
            raise StorageUnavailable(f"{volume}: {len(reply.data)} of {size} bytes came")
        return reply.data

    async def write(self, volume: str, offset: int, data: bytes, fua: bool = False) -> None:
        """
        Writes up to 4 MiB; on stable storage when it returns, if ``fua``.

        Raises NoSuchVolume, OutOfRange, VolumeBusy, ReadOnlyVolume, NoSpace.
        """
        if len(data) > MAX_IO_BYTES:
            raise OutOfRange(f"{len(data)} bytes; {MAX_IO_BYTES} at a time")
        flags = op.FLAG_FUA if fua else 0
        frame = Frame(
            REQUEST, op.WRITE, flags=flags, target=volume, offset=_natural(offset), data=data
        )
        await self._ask(frame)

    async def flush(self, volume: str) -> None:
        """
        Returns when all that was written is on stable storage.  Raises NoSuchVolume, VolumeBusy.
        """
        await self._ask(Frame(REQUEST, op.FLUSH, target=volume))

    async def close(self) -> None:
        """
        Hangs up; requests under way fail.
        """
        self._is_closed = True
        if self._link is not None:
            self._link.close()

    async def _ask(self, frame: Frame) -> Frame:
        try:
            return await Deferred.fromCoroutine(self._exchange(frame)).addTimeout(
                self._timeout_s, self._reactor
            )
        except defer.TimeoutError:
            raise StorageUnavailable(f"no answer in {self._timeout_s} seconds") from None

    async def _exchange(self, frame: Frame) -> Frame:
        link = self._link
        if link is None or not link.is_open:
            link = await self._connected()
        return await link.ask(frame)

    def _connected(self) -> Deferred[BlockLink]:
        waiter: Deferred[BlockLink] = Deferred()
        if self._connecting is None:
            self._connecting = [waiter]
            connecting = Deferred.fromCoroutine(self._connect())
            connecting.addTimeout(self._timeout_s, self._reactor).addBoth(self._tell)
        else:
            self._connecting.append(waiter)
        return waiter

    def _tell(self, result: Any) -> None:
        waiting, self._connecting = self._connecting or [], None
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(result)  # a Failure goes the way of errors

    async def _connect(self) -> BlockLink:
        if self._is_closed:
            raise StorageUnavailable("the client is closed")
        factory = Factory.forProtocol(lambda: BlockLink(self._secret))
        factory.noisy = False
        try:
            link: BlockLink = await self._endpoint.connect(factory)
        except (ConnectError, CancelledError) as error:
            raise StorageUnavailable(f"can't connect: {error}") from error
        try:
            await link.ready
        except CancelledError:
            link.close()
            raise
        self._link = link
        return link


def _natural(number: int) -> int:
    if not 0 <= number < 1 << 63:
        raise OutOfRange(f"{number} is not an offset or size")
    return number


def _decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except msgspec.DecodeError as error:
        raise StorageUnavailable(f"the server broke the protocol: {error}") from error
