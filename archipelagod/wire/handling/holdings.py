"""
What a connection holds while it lasts.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from archipelagod.wire.errors import BadRequest, StorageError
from archipelagod.wire.interface import IVolumes
from archipelagod.wire.operations import HASH_BYTES, MAX_VOLUME_HASHES

MAX_ACQUIRED = 1024
MAX_COLLECTED = 64


class Holdings:
    """
    Volumes that the connection acquired, and lists of hashes that it has not sent wholly.
    """

    _log = Logger()

    def __init__(self, volumes: IVolumes) -> None:
        self._volumes = volumes
        self._acquired: set[str] = set()
        self._hashes: dict[str, bytearray] = {}
        self._is_over = False

    async def acquire(self, volume: str) -> None:
        """
        See BlockClient.
        """
        if volume in self._acquired:
            return
        if len(self._acquired) >= MAX_ACQUIRED:
            raise BadRequest(f"a connection holds at most {MAX_ACQUIRED} volumes")
        self._acquired.add(volume)
        try:
            await self._volumes.acquire(volume)
        except StorageError:
            self._acquired.discard(volume)
            raise
        if self._is_over:
            await self._volumes.release(volume)

    async def release(self, volume: str) -> None:
        """
        See BlockClient.  Raises BadRequest when this connection does not hold it.
        """
        if volume not in self._acquired:
            raise BadRequest(f"{volume}: not acquired by this connection")
        self._acquired.discard(volume)
        await self._volumes.release(volume)

    def collect(self, volume: str, first: int, hashes: bytes) -> None:
        """
        Keeps hashes, from the ``first`` on, of a volume that is to be made.

        Raises BadRequest, and forgets them, when others are missing before, or they are too many;
        also when the connection is at work on MAX_COLLECTED other volumes.
        """
        if volume not in self._hashes and len(self._hashes) >= MAX_COLLECTED:
            raise BadRequest(f"hashes of at most {MAX_COLLECTED} volumes at once")
        collected = self._hashes.setdefault(volume, bytearray())
        is_next = first * HASH_BYTES == len(collected)
        collected += hashes
        total = sum(map(len, self._hashes.values()))
        if not is_next or total > MAX_VOLUME_HASHES * HASH_BYTES:
            del self._hashes[volume]
            raise BadRequest(f"{volume}: hashes are missing, or too many")

    def take_collected(self, volume: str) -> bytes:
        """
        All hashes kept for it, which are forgotten here.
        """
        return bytes(self._hashes.pop(volume, b""))

    def end(self) -> None:
        """
        The connection is gone: all is let go.
        """
        self._is_over = True
        self._hashes.clear()
        acquired, self._acquired = self._acquired, set()
        for volume in acquired:
            releasing = Deferred.fromCoroutine(self._volumes.release(volume))
            releasing.addErrback(self._not_released, volume)

    def _not_released(self, failure: Failure, volume: str) -> None:
        if failure.check(StorageError):
            self._log.warn(
                "{volume} was not released: {error}", volume=volume, error=str(failure.value)
            )
        else:
            self._log.failure("{volume} was not released", failure=failure, volume=volume)
