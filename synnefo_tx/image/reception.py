"""
Bytes as they arrive, into a volume: hashed in threads, written a few pieces at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

from attrs import define, field, frozen

from synnefo_tx.errors import TooLarge
from synnefo_tx.image.blocks import MAX_IO_BYTES, IBlocks, whole_sectors
from synnefo_tx.image.flight import Flight, InThread

PIECE_BYTES = MAX_IO_BYTES
WRITES_UNDER_WAY = 3
FIRST_VOLUME_BYTES = 64 * 1024 * 1024  # for bodies that don't say how long they are
FLUSH_EVERY_BYTES = 256 * 1024 * 1024  # or sealing a large volume would take too long at the end
MAX_IMAGE_BYTES = 1024**4  # Glance's image_size_cap
_ZEROS = bytes(PIECE_BYTES)

Read = Callable[[], Awaitable[bytes]]


@frozen
class Hashed:
    """
    size: bytes that came.  Digests are hexadecimal.
    """

    size: int
    md5: str
    sha512: str


@define
class Hashes:
    """
    MD5 and SHA-512, each in a thread at a time, so that two cores hash two digests.
    """

    _in_thread: InThread
    _md5: hashlib._Hash = field(factory=lambda: hashlib.md5(usedforsecurity=False), init=False)
    _sha512: hashlib._Hash = field(factory=hashlib.sha512, init=False)

    async def take(self, piece: bytes) -> None:
        """
        The next piece; the one before must have been taken.
        """
        both = Flight(2)
        await both.launch(self._update, self._md5, piece)
        await both.launch(self._update, self._sha512, piece)
        await both.land()

    async def _update(self, digest: hashlib._Hash, piece: bytes) -> None:
        await self._in_thread(digest.update, piece)

    def hashed(self, size: int) -> Hashed:
        """
        The digests of what was taken.
        """
        return Hashed(size, self._md5.hexdigest(), self._sha512.hexdigest())


async def pieces(read: Read, piece_bytes: int = PIECE_BYTES) -> AsyncIterator[bytes]:
    """
    What `read` gives (b"" at the end), cut into pieces of `piece_bytes`, the last one shorter.
    """
    waiting: list[bytes] = []
    held = 0
    while chunk := await read():
        waiting.append(chunk)
        held += len(chunk)
        while held >= piece_bytes:
            whole = b"".join(waiting)
            yield whole[:piece_bytes]
            waiting = [whole[piece_bytes:]]
            held -= piece_bytes
    if held:
        yield b"".join(waiting)


@define
class Reception:
    """
    One volume being filled.  At most WRITES_UNDER_WAY + 2 pieces are in memory.
    """

    _blocks: IBlocks
    _volume: str
    _in_thread: InThread
    _max_bytes: int = MAX_IMAGE_BYTES
    _capacity: int = field(default=0, init=False)

    async def take(self, read: Read, length: int | None) -> Hashed:
        """
        Make the volume, fill it and seal it: all is safe on return.

        length: bytes announced, if they were.  Raises what `read` raises, TooLarge, and errors of
        storage; the volume may then be there, and nothing works on it any more.
        """
        if length is not None and length > self._max_bytes:
            raise self._too_large()
        self._capacity = whole_sectors(FIRST_VOLUME_BYTES if length is None else length)
        await self._blocks.create(self._volume, self._capacity)
        writes, hashing = Flight(WRITES_UNDER_WAY), Flight(1)
        hashes = Hashes(self._in_thread)
        size = 0
        try:
            async for piece in pieces(read):
                await self._grow(size + len(piece))
                await writes.launch(self._write, size, piece)
                await hashing.launch(hashes.take, piece)
                size += len(piece)
                if size % FLUSH_EVERY_BYTES == 0:
                    await writes.launch(self._blocks.flush, self._volume)
            await writes.land()
            await hashing.land()
        finally:
            await writes.settle()
            await hashing.settle()
        if self._capacity != whole_sectors(size):
            await self._blocks.resize(self._volume, whole_sectors(size))
        await self._blocks.seal(self._volume)
        return hashes.hashed(size)

    async def _grow(self, size: int) -> None:
        if size > self._max_bytes:
            raise self._too_large()
        if size > self._capacity:
            self._capacity = whole_sectors(max(size, 2 * self._capacity))
            await self._blocks.resize(self._volume, self._capacity)

    async def _write(self, offset: int, piece: bytes) -> None:
        if piece != _ZEROS[: len(piece)]:  # the volume began as zeros
            await self._blocks.write(self._volume, offset, piece)

    def _too_large(self) -> TooLarge:
        return TooLarge("The incoming image is too large: The provided image is too large.")
