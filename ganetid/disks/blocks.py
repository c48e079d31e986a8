"""
The part of archipelagod's client that disks need, and an in-memory stand-in for it.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from zope.interface import Interface, implementer

from archipelagod.wire.errors import (
    BadRequest,
    NoSuchVolume,
    NotReadOnly,
    ReadOnlyVolume,
    StorageUnavailable,
    TooSmall,
    VolumeBusy,
    VolumeExists,
)


class IBlocks(Interface):
    """Volumes by name.  Failures are archipelagod.wire.errors.StorageError."""

    async def create(volume: str, size_bytes: int) -> None:
        """Make a volume full of zeros.  Raises VolumeExists."""

    async def clone(origin: str, volume: str, size_bytes: int | None = None) -> None:
        """Make a volume with the content of a read-only one.  Raises NoSuchVolume, TooSmall."""

    async def info(volume: str) -> Any:
        """Facts about it, such as ``size_bytes`` and ``read_only``.  Raises NoSuchVolume."""

    async def resize(volume: str, size_bytes: int) -> None:
        """Give it another size, also while it is open.  Raises NoSuchVolume, ReadOnlyVolume."""

    async def snapshot(volume: str, name: str) -> None:
        """A read-only volume with its present content, also while it is open.  VolumeExists."""

    async def rename(volume: str, name: str) -> None:
        """Raises NoSuchVolume, VolumeExists, and VolumeBusy while it is open."""

    async def allow_handover(volume: str) -> None:
        """
        One more process may open it before the present one has closed it.  NoSuchVolume.

        Where the volume is not open, the next process may come before another daemon has closed it.
        """

    async def hand_over(volume: str) -> None:
        """After that, when nobody came here: another daemon may have it.  NoSuchVolume."""

    async def acquire(volume: str) -> None:
        """This daemon has it until `release`.  NoSuchVolume, VolumeBusy."""

    async def release(volume: str) -> None:
        """Ends that.  Raises BadRequest when it was not so."""

    async def delete(volume: str) -> None:
        """Remove it.  Raises NoSuchVolume, and VolumeBusy while it is open."""


@frozen
class MemoryVolume:
    """A volume of MemoryBlocks."""

    name: str
    size_bytes: int
    read_only: bool = False
    origin: str | None = None


@implementer(IBlocks)
class MemoryBlocks:
    """
    IBlocks in memory.

    away: play a storage daemon that can't be reached.  busy: names that something has open.
    loses_answer: the next volume is made, but then the daemon dies before it answers.
    """

    def __init__(self) -> None:
        self.volumes: dict[str, MemoryVolume] = {}
        self.busy: set[str] = set()
        self.handovers: list[str] = []
        self.held: set[str] = set()
        self.away = False
        self.loses_answer = False

    async def create(self, volume: str, size_bytes: int) -> None:
        """See IBlocks."""
        self._reach()
        if volume in self.volumes:
            raise VolumeExists(volume)
        self.volumes[volume] = MemoryVolume(volume, size_bytes)
        self._answer()

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See IBlocks."""
        source = await self.info(origin)
        if not source.read_only:
            raise NotReadOnly(origin)
        if volume in self.volumes:
            raise VolumeExists(volume)
        if size_bytes is not None and size_bytes < source.size_bytes:
            raise TooSmall(volume)
        self.volumes[volume] = evolve(
            source,
            name=volume,
            size_bytes=size_bytes or source.size_bytes,
            read_only=False,
            origin=origin,
        )
        self._answer()

    async def info(self, volume: str) -> MemoryVolume:
        """See IBlocks."""
        self._reach()
        try:
            return self.volumes[volume]
        except KeyError:
            raise NoSuchVolume(volume) from None

    async def delete(self, volume: str) -> None:
        """See IBlocks."""
        await self.info(volume)
        if volume in self.busy:
            raise VolumeBusy(volume)
        del self.volumes[volume]

    async def resize(self, volume: str, size_bytes: int) -> None:
        """See IBlocks."""
        found = await self.info(volume)
        if found.read_only:
            raise ReadOnlyVolume(volume)
        self.volumes[volume] = evolve(found, size_bytes=size_bytes)
        self._answer()

    async def snapshot(self, volume: str, name: str) -> None:
        """See IBlocks."""
        found = await self.info(volume)
        if name in self.volumes:
            raise VolumeExists(name)
        self.volumes[name] = evolve(found, name=name, read_only=True, origin=volume)
        self._answer()

    async def rename(self, volume: str, name: str) -> None:
        """See IBlocks."""
        found = await self.info(volume)
        if volume in self.busy:
            raise VolumeBusy(volume)
        if name in self.volumes:
            raise VolumeExists(name)
        del self.volumes[volume]
        self.volumes[name] = evolve(found, name=name)
        self._answer()

    async def allow_handover(self, volume: str) -> None:
        """See IBlocks."""
        await self.info(volume)
        self.handovers.append(volume)

    async def hand_over(self, volume: str) -> None:
        """See IBlocks."""
        await self.info(volume)

    async def acquire(self, volume: str) -> None:
        """See IBlocks."""
        await self.info(volume)
        self.held.add(volume)

    async def release(self, volume: str) -> None:
        """See IBlocks."""
        if volume not in self.held:
            raise BadRequest(volume)
        self.held.discard(volume)

    def _answer(self) -> None:
        if self.loses_answer:
            self.loses_answer = False
            raise StorageUnavailable("connection lost")

    def _reach(self) -> None:
        if self.away:
            raise StorageUnavailable("memory")
