"""
What the image and volume services ask of block storage.

`archipelagod.wire.client.BlockClient` is the real one, `memory_blocks.MemoryBlocks` the one for
tests.  Both raise the errors of `archipelagod.wire.errors`.
"""

from __future__ import annotations

from typing import Protocol

from zope.interface import Interface, classImplements

from archipelagod.wire.client import BlockClient

MAX_IO_BYTES = 4 * 1024 * 1024
SECTOR_BYTES = 512


class VolumeSize(Protocol):
    """
    Of a volume's description: its name, its size in bytes, and whether it is sealed.
    """

    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def read_only(self) -> bool: ...


class IBlocks(Interface):
    """
    Volumes of bytes.  Sizes and offsets are bytes; a volume's size is a multiple of 512.  What was
    never written reads as zeros.  Any call may raise StorageUnavailable: then its outcome is not
    known.
    """

    async def create(volume: str, size_bytes: int) -> None:
        """A new volume of zeros.  Raises VolumeExists."""

    async def clone(origin: str, volume: str, size_bytes: int | None = None) -> None:
        """
        A new volume with the content of a sealed one.  Raises NoSuchVolume, VolumeExists,
        NotReadOnly, TooSmall.
        """

    async def snapshot(volume: str, name: str) -> None:
        """
        A sealed volume `name` with the present content of another, which may be in use.  Raises
        NoSuchVolume, VolumeExists.
        """

    async def rollback(volume: str, snapshot: str) -> None:
        """
        The volume has a sealed one's content and size.  Raises NoSuchVolume, VolumeBusy,
        ReadOnlyVolume, NotReadOnly.
        """

    async def seal(volume: str) -> None:
        """No more writes; all written is safe.  Idempotent.  Raises NoSuchVolume."""

    async def delete(volume: str) -> None:
        """Clones keep their content.  Raises NoSuchVolume, VolumeBusy."""

    async def rename(volume: str, name: str) -> None:
        """Raises NoSuchVolume, VolumeExists."""

    async def resize(volume: str, size_bytes: int) -> None:
        """Grow (with zeros) or cut.  Raises NoSuchVolume, ReadOnlyVolume."""

    async def info(volume: str) -> VolumeSize:
        """Raises NoSuchVolume."""

    async def read(volume: str, offset: int, size: int) -> bytes:
        """Exactly `size` bytes, at most 4 MiB.  Raises NoSuchVolume, OutOfRange."""

    async def write(volume: str, offset: int, data: bytes, fua: bool = False) -> None:
        """At most 4 MiB.  Raises NoSuchVolume, OutOfRange, ReadOnlyVolume, NoSpace."""

    async def flush(volume: str) -> None:
        """What was acknowledged is safe once this returns.  Raises NoSuchVolume."""


def whole_sectors(size_bytes: int) -> int:
    """
    The size that a volume for `size_bytes` bytes has; at least one sector.
    """
    return max(1, -(-size_bytes // SECTOR_BYTES)) * SECTOR_BYTES


classImplements(BlockClient, IBlocks)
