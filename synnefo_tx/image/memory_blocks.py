"""
Block storage in a dictionary, for tests.
"""

from __future__ import annotations

from attrs import define, field, frozen
from zope.interface import implementer

from archipelagod.wire.errors import (
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    ReadOnlyVolume,
    TooSmall,
    VolumeExists,
)
from synnefo_tx.image.blocks import MAX_IO_BYTES, IBlocks


@frozen
class MemoryVolumeInfo:
    """
    A volume's description.
    """

    name: str
    size_bytes: int
    read_only: bool


@define
class _Volume:
    data: bytearray
    read_only: bool = False


@implementer(IBlocks)
@define
class MemoryBlocks:
    """
    `failing` maps the name of a method to the error that its next calls raise.
    """

    volumes: dict[str, _Volume] = field(factory=dict)
    failing: dict[str, Exception] = field(factory=dict)

    def _called(self, method: str) -> None:
        if method in self.failing:
            raise self.failing[method]

    def _find(self, volume: str) -> _Volume:
        if volume not in self.volumes:
            raise NoSuchVolume(f"no volume {volume}")
        return self.volumes[volume]

    def _add(self, volume: str, data: bytearray) -> None:
        if volume in self.volumes:
            raise VolumeExists(f"volume {volume} exists")
        self.volumes[volume] = _Volume(data)

    async def create(self, volume: str, size_bytes: int) -> None:
        self._called("create")
        self._add(volume, bytearray(size_bytes))

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        self._called("clone")
        source = self._find(origin)
        size = len(source.data) if size_bytes is None else size_bytes
        if not source.read_only:
            raise NotReadOnly(f"volume {origin} is not sealed")
        if size < len(source.data):
            raise TooSmall(f"volume {volume} would be smaller than {origin}")
        self._add(volume, source.data + bytearray(size - len(source.data)))

    async def snapshot(self, volume: str, name: str) -> None:
        self._called("snapshot")
        self._add(name, bytearray(self._find(volume).data))
        self._find(name).read_only = True

    async def rollback(self, volume: str, snapshot: str) -> None:
        self._called("rollback")
        found, kept = self._writable(volume), self._find(snapshot)
        if not kept.read_only:
            raise NotReadOnly(f"volume {snapshot} is not sealed")
        found.data = bytearray(kept.data)

    async def seal(self, volume: str) -> None:
        self._called("seal")
        self._find(volume).read_only = True

    async def delete(self, volume: str) -> None:
        self._called("delete")
        self._find(volume)
        del self.volumes[volume]

    async def rename(self, volume: str, name: str) -> None:
        self._called("rename")
        found = self._find(volume)
        if name in self.volumes:
            raise VolumeExists(f"volume {name} exists")
        self.volumes[name] = found
        del self.volumes[volume]

    async def resize(self, volume: str, size_bytes: int) -> None:
        self._called("resize")
        found = self._writable(volume)
        del found.data[size_bytes:]
        found.data.extend(bytes(size_bytes - len(found.data)))

    async def info(self, volume: str) -> MemoryVolumeInfo:
        self._called("info")
        found = self._find(volume)
        return MemoryVolumeInfo(volume, len(found.data), found.read_only)

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        self._called("read")
        found = self._find(volume)
        self._check_range(found, offset, size)
        return bytes(found.data[offset : offset + size])

    async def write(
        self,
        volume: str,
        offset: int,
        data: bytes,
        fua: bool = False,
    ) -> None:
        self._called("write")
        found = self._writable(volume)
        self._check_range(found, offset, len(data))
        found.data[offset : offset + len(data)] = data

    async def flush(self, volume: str) -> None:
        self._called("flush")
        self._find(volume)

    def _writable(self, volume: str) -> _Volume:
        found = self._find(volume)
        if found.read_only:
            raise ReadOnlyVolume(f"volume {volume} is read-only")
        return found

    def _check_range(self, volume: _Volume, offset: int, size: int) -> None:
        if size > MAX_IO_BYTES or offset < 0 or offset + size > len(volume.data):
            raise OutOfRange(f"{size} bytes at {offset} of {len(volume.data)}")
