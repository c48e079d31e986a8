"""
What the block protocol's server asks of the daemon's volumes.
"""

from __future__ import annotations

import builtins
import socket
from collections.abc import Callable
from typing import Any, Protocol

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire.values import Extent, Limits

Progress = Callable[[int, int], None] | None  # done and total, in bytes or steps; any thread


class IAttachment(Protocol):
    """
    A client's claim on an open volume, until it is served or cancelled.
    """

    size_bytes: int
    is_read_only: bool

    def serve_block(self, sock: socket.socket, leftover: bytes) -> None:
        """
        Hands the client over; ``sock`` is not ours any more.  ``leftover``: what it sent already.

        Raises StorageUnavailable.
        """

    def cancel(self) -> None:
        """
        The client went away.
        """


class IVolumes(Protocol):
    """
    See BlockClient: the methods of the same name raise the same errors.

    Everything is called in the reactor's thread.
    """

    async def create(self, volume: str, size_bytes: int) -> None: ...

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None: ...

    async def snapshot(self, volume: str, name: str) -> None: ...

    async def seal(self, volume: str) -> None: ...

    async def delete(self, volume: str) -> None: ...

    async def rename(self, volume: str, name: str) -> None: ...

    async def resize(self, volume: str, size_bytes: int) -> None: ...

    async def rollback(self, volume: str, snapshot: str) -> None: ...

    async def protect(self, volume: str, on: bool) -> None: ...

    async def flatten(self, volume: str, progress: Progress = None) -> None: ...

    async def copy(self, volume: str, name: str, progress: Progress = None) -> None: ...

    async def hash(self, volume: str, progress: Progress = None) -> str: ...

    async def mapr(self, volume: str, offset: int, size: int) -> builtins.list[Extent]: ...

    async def mapw(self, volume: str, offset: int, size: int) -> builtins.list[Extent]: ...

    async def diff(
        self, older: str | None, volume: str, offset: int, limit: int
    ) -> tuple[builtins.list[Extent], int | None]: ...

    async def info(self, volume: str) -> VolumeInfo: ...

    async def list(self, marker: str, limit: int, prefix: str) -> builtins.list[VolumeInfo]: ...

    async def read(self, volume: str, offset: int, size: int) -> bytes: ...

    async def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None: ...

    async def flush(self, volume: str) -> None: ...

    async def zero(self, volume: str, offset: int, size: int, *, is_hint: bool = False) -> None: ...

    async def put_block(self, data: bytes) -> str: ...

    async def get_block(self, key: str) -> bytes: ...

    async def have_blocks(self, keys: builtins.list[str]) -> builtins.list[str]: ...

    async def create_from_hashes(
        self, volume: str, size_bytes: int, keys: builtins.list[str], read_only: bool
    ) -> None: ...

    async def set_limits(self, volume: str, limits: Limits) -> None: ...

    async def statistics(self) -> dict[str, Any]: ...

    async def gc(self, progress: Progress = None) -> dict[str, Any]: ...

    async def scrub(self, progress: Progress = None) -> dict[str, Any]: ...

    async def allow_handover(self, volume: str) -> None: ...

    async def hand_over(self, volume: str) -> None: ...

    async def acquire(self, volume: str) -> None: ...

    async def release(self, volume: str) -> None: ...

    async def attach(self, volume: str, owner: int | str | None) -> IAttachment: ...
