"""
A client of the block protocol for programs without a reactor.
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from typing import Any

from archipelagod.client.closing import Closing
from archipelagod.client.link import BlockingLink, Progress
from archipelagod.client.sockets import connected
from archipelagod.client.volume import BlockingVolume
from archipelagod.volume.information import VolumeInfo
from archipelagod.wire import operations as op
from archipelagod.wire import requests, results
from archipelagod.wire.errors import StorageError
from archipelagod.wire.frames import Frame
from archipelagod.wire.places import parse_place
from archipelagod.wire.requests import request
from archipelagod.wire.values import Extent, Limits

__all__ = ["BlockingClient", "BlockingVolume", "Extent", "Limits", "VolumeInfo"]


class BlockingClient(Closing):
    """
    See BlockClient, whose methods have the same names, arguments, results and errors; these return
    when it is done.  For one thread at a time; a context manager that closes it.

    endpoint: ``unix:PATH``, ``tcp:HOST:PORT`` or ``ssl:HOST:PORT:ca=FILE``, see ``parse_place``,
    which raises BadPlace.
    timeout_s: how long to wait for a reply, or for news of a long operation.
    """

    def __init__(self, endpoint: str, secret: bytes, timeout_s: float = 30.0) -> None:
        self._place = parse_place(endpoint)
        self._secret = secret
        self._timeout_s = timeout_s
        self._owner = secrets.randbits(62) + 1
        self._link: BlockingLink | None = None

    def create(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(request(op.CREATE, volume, size=size_bytes))

    def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See BlockClient."""
        self._ask(requests.clone(origin, volume, size_bytes))

    def snapshot(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(requests.snapshot(volume, name))

    def seal(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.SEAL, volume))

    def delete(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.DELETE, volume))

    def rename(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(requests.rename(volume, name))

    def resize(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(request(op.RESIZE, volume, size=size_bytes))

    def rollback(self, volume: str, snapshot: str) -> None:
        """See BlockClient."""
        self._ask(requests.rollback(volume, snapshot))

    def protect(self, volume: str, on: bool = True) -> None:
        """See BlockClient."""
        self._ask(requests.protect(volume, on))

    def set_limits(self, volume: str, limits: Limits) -> None:
        """See BlockClient."""
        self._ask(requests.set_limits(volume, limits))

    def flatten(self, volume: str, progress: Progress | None = None) -> None:
        """See BlockClient."""
        self._ask(request(op.FLATTEN, volume, flags=op.FLAG_PROGRESS), progress)

    def copy(self, volume: str, name: str, progress: Progress | None = None) -> None:
        """See BlockClient."""
        self._ask(requests.copy(volume, name), progress)

    def info(self, volume: str) -> VolumeInfo:
        """See BlockClient."""
        return results.info(self._ask(request(op.INFO, volume)))

    def list(
        self, marker: str = "", limit: int = op.MAX_LISTED, prefix: str = ""
    ) -> list[VolumeInfo]:
        """See BlockClient."""
        return results.infos(self._ask(requests.listing(marker, limit, prefix)))

    def hash(self, volume: str, progress: Progress | None = None) -> str:
        """See BlockClient."""
        asked = request(op.HASH, volume, flags=op.FLAG_PROGRESS)
        return results.hash_of(self._ask(asked, progress))

    def mapr(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """See BlockClient."""
        return self._map(op.MAPR, volume, offset, size)

    def mapw(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        """See BlockClient."""
        return self._map(op.MAPW, volume, offset, size)

    def diff(
        self, older: str | None, volume: str, offset: int = 0, limit: int = op.MAX_EXTENTS
    ) -> tuple[builtins.list[Extent], int | None]:
        """See BlockClient."""
        return results.extents(self._ask(requests.diff(older, volume, offset, limit)), offset)

    def read(self, volume: str, offset: int, size: int) -> bytes:
        """See BlockClient."""
        asked = request(op.READ, volume, offset=offset, size=requests.checked_io(size))
        return results.exactly(self._ask(asked), size, volume)

    def write(self, volume: str, offset: int, data: bytes, fua: bool = False) -> None:
        """See BlockClient."""
        self._ask(requests.write(volume, offset, data, fua))

    def zero(self, volume: str, offset: int, size: int, fua: bool = False) -> None:
        """See BlockClient."""
        self._ask(requests.zero(op.WRITE_ZEROES, volume, offset, size, fua))

    def discard(self, volume: str, offset: int, size: int, fua: bool = False) -> None:
        """See BlockClient."""
        self._ask(requests.zero(op.DISCARD, volume, offset, size, fua))

    def flush(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.FLUSH, volume))

    def acquire(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.ACQUIRE, volume))

    def release(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.RELEASE, volume))

    def allow_handover(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.ALLOW_HANDOVER, volume))

    def hand_over(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(request(op.HAND_OVER, volume))

    def put_block(self, data: bytes) -> str:
        """See BlockClient."""
        return results.hash_of(self._ask(requests.put_block(data)))

    def get_block(self, key: str) -> bytes:
        """See BlockClient."""
        return (self._ask(requests.get_block(key))).data

    def have_blocks(self, keys: Sequence[str]) -> builtins.list[str]:
        """See BlockClient."""
        missing: builtins.list[str] = []
        for asked in requests.have_blocks(keys):
            missing += results.hashes(self._ask(asked))
        return missing

    def create_from_hashes(
        self, volume: str, size_bytes: int, keys: Sequence[str], read_only: bool = False
    ) -> None:
        """See BlockClient."""
        for asked in requests.create_from_hashes(volume, size_bytes, keys, read_only):
            self._ask(asked)

    def statistics(self) -> dict[str, Any]:
        """See BlockClient."""
        return results.figures(self._ask(request(op.STATISTICS)))

    def gc(self, progress: Progress | None = None) -> dict[str, Any]:
        """See BlockClient."""
        asked = request(op.GC, flags=op.FLAG_PROGRESS)
        return results.figures(self._ask(asked, progress))

    def scrub(self, progress: Progress | None = None) -> dict[str, Any]:
        """See BlockClient."""
        asked = request(op.SCRUB, flags=op.FLAG_PROGRESS)
        return results.figures(self._ask(asked, progress))

    def open(self, volume: str) -> BlockingVolume:
        """See BlockClient."""
        link = self._fresh()
        try:
            return BlockingVolume(volume, link, link.ask(requests.opening(volume, self._owner)))
        except StorageError:
            link.close()
            raise

    def close(self) -> None:
        """
        Hangs up; the next call connects again.
        """
        if self._link is not None:
            self._link.close()

    def _map(self, operation: int, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        found: builtins.list[Extent] = []
        at: int | None = offset
        while at is not None:
            asked = request(operation, volume, offset=at, size=offset + size - at)
            part, at = results.extents(self._ask(asked), at)
            found += part
        return found

    def _ask(self, asked: Frame, progress: Progress | None = None) -> Frame:
        if self._link is None or not self._link.is_open:
            self._link = self._fresh()
        return self._link.ask(asked, progress)

    def _fresh(self) -> BlockingLink:
        return BlockingLink(connected(self._place, self._timeout_s), self._secret, self._timeout_s)
