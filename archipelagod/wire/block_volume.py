"""
A volume over a connection of its own, served by the process that has it open.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire import requests, results
from archipelagod.wire.asking import Asking
from archipelagod.wire.dialling import Dialler
from archipelagod.wire.errors import StorageError
from archipelagod.wire.frames import Frame
from archipelagod.wire.link import BlockLink


class BlockVolume:
    """
    Made by ``BlockClient.open``.  Requests go without waiting for each other; their errors are
    those of BlockClient.  StorageUnavailable when the connection is lost: then open it again.
    """

    def __init__(self, name: str, link: BlockLink, asking: Asking, opened: Frame) -> None:
        self.name = name
        self.size_bytes = opened.size
        self.is_read_only = bool(opened.flags & op.FLAG_READ_ONLY)
        self._link = link
        self._asking = asking

    async def read(self, offset: int, size: int) -> bytes:
        """
        ``size`` bytes (up to 4 MiB) at ``offset``.
        """
        request = requests.request(op.READ, offset=offset, size=requests.checked_io(size))
        return results.exactly(await self._ask(request), size, self.name)

    async def write(self, offset: int, data: bytes, fua: bool = False) -> None:
        """
        Writes up to 4 MiB; on stable storage when it returns, if ``fua``.
        """
        await self._ask(requests.write("", offset, data, fua))

    async def zero(self, offset: int, size: int, fua: bool = False) -> None:
        """
        Makes a range of any size read as zeros.
        """
        await self._ask(requests.zero(op.WRITE_ZEROES, "", offset, size, fua))

    async def discard(self, offset: int, size: int, fua: bool = False) -> None:
        """
        Gives a range of any size back, where that is possible; what it reads as is not defined.
        """
        await self._ask(requests.zero(op.DISCARD, "", offset, size, fua))

    async def flush(self) -> None:
        """
        Returns when every write that had returned is on stable storage.
        """
        await self._ask(requests.request(op.FLUSH))

    async def size(self) -> int:
        """
        The size as it is now; kept in ``size_bytes``.
        """
        self.size_bytes = (await self._ask(requests.request(op.INFO))).size
        return self.size_bytes

    async def close(self) -> None:
        """
        Hangs up once everything asked before was answered.
        """
        try:
            if self._link.is_open:
                await self._ask(requests.request(op.CLOSE))
        except StorageError:
            return  # it is closed all the same
        finally:
            self._link.close()

    async def _ask(self, request: Frame) -> Frame:
        return await self._asking.ask(self._linked, request)

    async def _linked(self) -> BlockLink:
        return self._link


async def opened(asking: Asking, dialler: Dialler, volume: str, owner: int) -> BlockVolume:
    """
    A data connection to ``volume``.  Raises StorageError and its kinds.
    """
    made: list[BlockLink] = []

    async def fresh() -> BlockLink:
        made.append(await dialler.fresh())
        return made[0]

    try:
        reply = await asking.ask(fresh, requests.opening(volume, owner))
    except StorageError:
        for link in made:
            link.close()
        raise
    return BlockVolume(volume, made[0], asking, reply)
