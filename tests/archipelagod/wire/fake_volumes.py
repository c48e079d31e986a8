"""
Volumes in memory, for tests of the block protocol alone.
"""

from __future__ import annotations

import builtins
import hashlib
import threading
from typing import Any

from archipelagod.volume.information import VolumeInfo
from archipelagod.volume.names import checked_name
from archipelagod.wire.errors import (
    BadRequest,
    NoSuchBlock,
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    Protected,
    ReadOnlyVolume,
    TooSmall,
    VolumeBusy,
    VolumeExists,
)
from archipelagod.wire.values import Extent, Limits
from tests.archipelagod.wire.fake_attachment import FakeAttachment

PIECE = 4096  # what extents are told in


class FakeVolume:
    """
    A volume's content and marks.
    """

    def __init__(self, size_bytes: int) -> None:
        if not 0 < size_bytes < 1 << 50:
            raise OutOfRange(f"{size_bytes} bytes")
        self.size_bytes = size_bytes
        self.pieces: dict[int, bytes] = {}
        self.is_read_only = self.is_protected = False
        self.limits = Limits()
        self.flushes = 0
        self.attached: list[int | str | None] = []
        self.lock = threading.Lock()

    def checked(self, offset: int, size: int) -> None:
        """Raises OutOfRange."""
        if offset + size > self.size_bytes:
            raise OutOfRange(f"{offset}+{size} of {self.size_bytes}")

    def read(self, offset: int, size: int) -> bytes:
        """The content of a range."""
        self.checked(offset, size)
        first, last = offset // PIECE, (offset + size + PIECE - 1) // PIECE
        whole = b"".join(self.pieces.get(n, bytes(PIECE)) for n in range(first, last))
        return whole[offset - first * PIECE :][:size]

    def write(self, offset: int, data: bytes) -> None:
        """Changes a range."""
        if self.is_read_only:
            raise ReadOnlyVolume("sealed")
        self.checked(offset, len(data))
        with self.lock:
            self.put(offset, data)

    def put(self, offset: int, data: bytes) -> None:
        """The same without questions."""
        at = 0
        while at < len(data):
            number, front = divmod(offset + at, PIECE)
            part = data[at : at + PIECE - front]
            old = self.pieces.get(number, bytes(PIECE))
            self.pieces[number] = old[:front] + part + old[front + len(part) :]
            at += len(part)

    def zero(self, offset: int, size: int) -> None:
        """Makes a range read as zeros."""
        if self.is_read_only:
            raise ReadOnlyVolume("sealed")
        self.checked(offset, size)
        end = offset + size
        with self.lock:
            for number in self.within(offset, size):
                first, last = max(offset, number * PIECE), min(end, (number + 1) * PIECE)
                self.put(first, bytes(last - first))

    def within(self, offset: int, size: int) -> list[int]:
        """Pieces of a range that are there."""
        first, last = offset // PIECE, -(-(offset + size) // PIECE)
        return sorted(number for number in self.pieces if first <= number < last)

    def extents(self, offset: int, size: int, kind: str) -> list[Extent]:
        """Pieces that are there, and the rest."""
        self.checked(offset, size)
        found: list[Extent] = []
        at, end = offset, offset + size
        for number in self.within(offset, size):
            first, last = max(offset, number * PIECE), min(end, (number + 1) * PIECE)
            if at < first:
                found.append(Extent(at, first - at, "zero"))
            if found and found[-1].kind == kind:
                found[-1] = Extent(found[-1].offset, last - found[-1].offset, kind)
            else:
                found.append(Extent(first, last - first, kind))
            at = last
        if at < end:
            found.append(Extent(at, end - at, "zero"))
        return found


class FakeVolumes:
    """See IVolumes."""

    def __init__(self, largest: int = 1 << 50) -> None:
        self.largest = largest
        self.volumes: dict[str, FakeVolume] = {}
        self.blocks: dict[str, bytes] = {}
        self.acquired: dict[str, int] = {}
        self.handovers: list[str] = []
        self.collected = 0

    def of(self, name: str) -> FakeVolume:
        """Raises NoSuchVolume."""
        try:
            return self.volumes[checked_name(name)]
        except KeyError:
            raise NoSuchVolume(name) from None

    def _new(self, name: str, volume: FakeVolume) -> FakeVolume:
        if checked_name(name) in self.volumes:
            raise VolumeExists(name)
        if volume.size_bytes > self.largest:
            raise OutOfRange(name)
        return self.volumes.setdefault(name, volume)

    def _frozen(self, name: str) -> FakeVolume:
        volume = self.of(name)
        if not volume.is_read_only:
            raise NotReadOnly(name)
        return volume

    def _free(self, name: str) -> FakeVolume:
        volume = self.of(name)
        if volume.attached:
            raise VolumeBusy(name)
        if volume.is_protected:
            raise Protected(name)
        return volume

    async def create(self, volume: str, size_bytes: int) -> None:
        self._new(volume, FakeVolume(size_bytes))

    async def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        old = self._frozen(origin)
        if size_bytes is not None and size_bytes < old.size_bytes:
            raise TooSmall(volume)
        new = self._new(volume, FakeVolume(size_bytes or old.size_bytes))
        new.pieces.update(old.pieces)

    async def snapshot(self, volume: str, name: str) -> None:
        old = self.of(volume)
        new = self._new(name, FakeVolume(old.size_bytes))
        new.pieces.update(old.pieces)
        new.is_read_only = True

    async def seal(self, volume: str) -> None:
        self.of(volume).is_read_only = True

    async def delete(self, volume: str) -> None:
        self._free(volume)
        del self.volumes[volume]

    async def rename(self, volume: str, name: str) -> None:
        self._new(name, self._free(volume))
        del self.volumes[volume]

    async def resize(self, volume: str, size_bytes: int) -> None:
        found = self.of(volume)
        if found.is_read_only:
            raise ReadOnlyVolume(volume)
        if size_bytes > self.largest:
            raise OutOfRange(volume)
        kept = FakeVolume(size_bytes)
        kept.put(0, found.read(0, min(size_bytes, found.size_bytes)))
        found.pieces, found.size_bytes = kept.pieces, size_bytes

    async def rollback(self, volume: str, snapshot: str) -> None:
        found, old = self._free(volume), self._frozen(snapshot)
        found.pieces, found.size_bytes = dict(old.pieces), old.size_bytes

    async def protect(self, volume: str, on: bool) -> None:
        self.of(volume).is_protected = on

    async def flatten(self, volume: str, progress: Any = None) -> None:
        self.of(volume)
        if progress is not None:
            progress(1, 1)

    async def copy(self, volume: str, name: str, progress: Any = None) -> None:
        old = self.of(volume)
        new = self._new(name, FakeVolume(old.size_bytes))
        new.pieces.update(old.pieces)

    async def hash(self, volume: str, progress: Any = None) -> str:
        found = self._frozen(volume)
        return hashlib.sha256(found.read(0, found.size_bytes)).hexdigest()

    async def mapr(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        return self.of(volume).extents(offset, size, "own")

    async def mapw(self, volume: str, offset: int, size: int) -> builtins.list[Extent]:
        return self.of(volume).extents(offset, size, "own")

    async def diff(
        self, older: str | None, volume: str, offset: int, limit: int
    ) -> tuple[builtins.list[Extent], int | None]:
        new = self._frozen(volume)
        old = FakeVolume(new.size_bytes) if older is None else self._frozen(older)
        changed = [
            Extent(number * PIECE, PIECE, "own" if number in new.pieces else "zero")
            for number in range(offset // PIECE, (new.size_bytes + PIECE - 1) // PIECE)
            if new.pieces.get(number) != old.pieces.get(number)
        ]
        more = changed[limit].offset if len(changed) > limit else None
        return changed[:limit], more

    async def info(self, volume: str) -> VolumeInfo:
        found = self.of(volume)
        return VolumeInfo(
            name=volume,
            size_bytes=found.size_bytes,
            read_only=found.is_read_only,
            own_bytes=len(found.pieces) * PIECE,
            connections=len(found.attached),
            created_at=1.0,
        )

    async def list(self, marker: str, limit: int, prefix: str) -> builtins.list[VolumeInfo]:
        names = sorted(n for n in self.volumes if n > marker and n.startswith(prefix))
        return [await self.info(name) for name in names[:limit]]

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        return self.of(volume).read(offset, size)

    async def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None:
        self.of(volume).write(offset, data)

    async def flush(self, volume: str) -> None:
        self.of(volume).flushes += 1

    async def zero(self, volume: str, offset: int, size: int, *, is_hint: bool = False) -> None:
        self.of(volume).zero(offset, size)

    async def put_block(self, data: bytes) -> str:
        data = data.rstrip(b"\0")
        key = hashlib.sha256(data).hexdigest()
        self.blocks[key] = data
        return key

    async def get_block(self, key: str) -> bytes:
        try:
            return self.blocks[key]
        except KeyError:
            raise NoSuchBlock(key) from None

    async def have_blocks(self, keys: builtins.list[str]) -> builtins.list[str]:
        return [key for key in keys if key not in self.blocks]

    async def create_from_hashes(
        self, volume: str, size_bytes: int, keys: builtins.list[str], read_only: bool
    ) -> None:
        if len(keys) != -(-size_bytes // (4 << 20)):
            raise BadRequest(f"{volume}: {len(keys)} hashes")
        new = FakeVolume(size_bytes)
        for number, key in enumerate(keys):
            new.put(number * (4 << 20), await self.get_block(key))
        new.is_read_only = read_only
        self._new(volume, new)

    async def set_limits(self, volume: str, limits: Limits) -> None:
        self.of(volume).limits = limits

    async def statistics(self) -> dict[str, Any]:
        return {"volumes": len(self.volumes)}

    async def gc(self, progress: Any = None) -> dict[str, Any]:
        self.collected += 1
        return {"freed_bytes": 0}

    async def scrub(self, progress: Any = None) -> dict[str, Any]:
        return {"damaged": []}

    async def allow_handover(self, volume: str) -> None:
        self.of(volume)
        self.handovers.append(volume)

    async def hand_over(self, volume: str) -> None:
        self.of(volume)
        self.handovers = [one for one in self.handovers if one != volume]

    async def acquire(self, volume: str) -> None:
        self.of(volume)
        self.acquired[volume] = self.acquired.get(volume, 0) + 1

    async def release(self, volume: str) -> None:
        self.acquired[volume] -= 1

    async def attach(self, volume: str, owner: int | str | None) -> FakeAttachment:
        found = self.of(volume)
        if found.attached and owner not in found.attached and not found.is_read_only:
            raise VolumeBusy(volume)
        return FakeAttachment(found, owner)
