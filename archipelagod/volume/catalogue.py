"""
Making, copying, naming and deleting volumes that nobody has open.
"""

from __future__ import annotations

import contextlib
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from archipelagod.volume import journal, reclaim
from archipelagod.volume.information import VolumeInfo
from archipelagod.volume.map_format import (
    HEADER_BYTES,
    MAX_VOLUME_BYTES,
    OBJECT_BYTES,
    OBJECT_SHIFT,
    DamagedMap,
    Header,
    decode_header,
    encode,
)
from archipelagod.volume.names import checked_name
from archipelagod.volume.open_map import MAPS
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.wire.errors import (
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    ReadOnlyVolume,
    TooSmall,
    VolumeExists,
)

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.sessions import Sessions


class Catalogue:
    """
    The volumes of a store.  Methods block, and may be called from any thread; the caller sees to it
    that a volume that is changed here is not open.  Every change is wholly done or not at all, on
    stable storage when the method returns.  All may raise OSError.
    """

    def __init__(self, store: Store, sessions: Sessions, now_s: Callable[[], float]) -> None:
        self._store = store
        self._sessions = sessions
        self._now_s = now_s
        self._lock = threading.Lock()  # one change of the catalogue at a time
        self._reclaim_lock = threading.Lock()

    def create(self, name: str, size_bytes: int) -> None:
        """
        A volume of zeros.  Raises VolumeExists, OutOfRange, BadRequest.
        """
        self._check_size(name, size_bytes)
        uid = self._sessions.fresh()
        header = Header(size_bytes, uid, uid, 0, uid, self._now_us())
        with self._lock:
            self._add(name, header, array("Q"))

    def clone(self, origin: str, name: str, size_bytes: int | None = None) -> None:
        """
        A writable volume with the content of a read-only one; what it has more reads as zeros.

        Raises NoSuchVolume, VolumeExists, NotReadOnly, TooSmall, OutOfRange.
        """
        with self._lock:
            parent, slots = read_map(self._store, MAPS, origin)
            if not parent.is_read_only:
                raise NotReadOnly(origin)
            size = parent.size_bytes if size_bytes is None else size_bytes
            self._check_size(name, size)
            if size < parent.size_bytes:
                raise TooSmall(f"{name}: {size} bytes; {origin} has {parent.size_bytes}")
            uid = self._sessions.fresh()
            header = Header(size, uid, parent.family, parent.uid, uid, self._now_us())
            self._add(name, header, slots)

    def snapshot(self, volume: str, name: str) -> None:
        """
        A read-only volume with the present content of ``volume``.

        Raises NoSuchVolume, VolumeExists.
        """
        checked_name(name)
        self.settle(volume)
        with self._lock:
            header, slots = read_map(self._store, MAPS, volume)
            if self._is_there(name):
                raise VolumeExists(name)
            uid = self._sessions.fresh()
            frozen = header._replace(
                uid=uid,
                parent=header.uid,
                created_us=self._now_us(),
                serial=0,
                is_read_only=True,
            )
            # While the volume still owns the objects the snapshot waits among the deleted ones,
            # whose objects are kept as long as any map refers to them.
            reclaim.bury(self._store, frozen, slots)
            if not header.is_read_only:
                kept = header._replace(
                    own_from=self._sessions.fresh(), own_objects=0, serial=header.serial + 1
                )
                self._store.records.put(MAPS, volume, encode(kept, slots))
            reclaim.raise_up(self._store, uid, name)

    def seal(self, name: str) -> None:
        """
        Makes the volume read-only for ever.  Raises NoSuchVolume.
        """
        self.settle(name)
        with self._lock:
            header, slots = read_map(self._store, MAPS, name)
            if not header.is_read_only:
                self._put(name, header._replace(is_read_only=True), slots)

    def resize(self, name: str, size_bytes: int) -> None:
        """
        Changes the size; what is cut off never comes back.

        Raises NoSuchVolume, OutOfRange, ReadOnlyVolume.
        """
        self._check_size(name, size_bytes)
        header, _ = read_map(self._store, MAPS, name)
        if header.is_read_only:
            raise ReadOnlyVolume(name)
        volume = open_volume(self._store, name, self._sessions.fresh())
        try:
            end = min(volume.size_bytes, len(volume.slots) << OBJECT_SHIFT)
            if size_bytes < end:
                volume.zero(size_bytes, end - size_bytes)
        finally:
            volume.close()
        with self._lock:
            header, slots = read_map(self._store, MAPS, name)
            self._put(name, header._replace(size_bytes=size_bytes), slots)

    def rename(self, name: str, new_name: str) -> None:
        """
        Changes the name.  Raises NoSuchVolume, VolumeExists.
        """
        checked_name(new_name)
        with self._lock:
            try:
                self._store.records.move(MAPS, checked_name(name), MAPS, new_name)
            except FileNotFoundError:
                raise NoSuchVolume(name) from None
            except FileExistsError:
                raise VolumeExists(new_name) from None

    def delete(self, name: str) -> Header:
        """
        The volume is gone.  Its objects go with ``reclaim``, which may be called at leisure.

        Raises NoSuchVolume.
        """
        checked_name(name)
        with self._lock:
            try:
                header = decode_header(self._store.records.get(MAPS, name, HEADER_BYTES))
            except FileNotFoundError:
                raise NoSuchVolume(name) from None
            reclaim.bury_volume(self._store, name, header)
            return header

    def reclaim(self, family: int | None = None) -> int:
        """
        Removes objects of deleted volumes (of one family, or all); the number of objects.
        """
        with self._reclaim_lock:
            return reclaim.reclaim(self._store, self._lock, family)

    def unsettled(self) -> list[str]:
        """
        Volumes whose last writer did not close them.
        """
        records = self._store.records
        traces = {int(name, 16) for name in records.names(journal.ROOM)}
        if not traces:
            return []
        found = []
        for name in records.names(MAPS):
            with contextlib.suppress(FileNotFoundError, DamagedMap):
                if decode_header(records.get(MAPS, name, HEADER_BYTES)).uid in traces:
                    found.append(name)
        return found

    def info(self, name: str) -> VolumeInfo:
        """
        What is known of the volume; ``connections`` is 0.  Raises NoSuchVolume.
        """
        try:
            header = decode_header(self._store.records.get(MAPS, checked_name(name), HEADER_BYTES))
        except FileNotFoundError:
            raise NoSuchVolume(name) from None
        return VolumeInfo(
            name=name,
            size_bytes=header.size_bytes,
            read_only=header.is_read_only,
            own_bytes=header.own_objects * OBJECT_BYTES,
            connections=0,
            created_at=header.created_us / 1e6,
        )

    def list(self, marker: str, limit: int, prefix: str) -> list[VolumeInfo]:
        """
        At most ``limit`` volumes whose names begin with ``prefix``, after ``marker``, by name.
        """
        names = [name for name in self._store.records.names(MAPS) if name.startswith(prefix)]
        found: list[VolumeInfo] = []
        for name in names[bisect_right(names, marker) :]:
            if len(found) >= limit:
                break
            try:
                found.append(self.info(name))
            except NoSuchVolume:
                continue  # deleted since
        return found

    def settle(self, name: str) -> None:
        """
        Makes a volume whole that a crash left unsettled.  Raises NoSuchVolume, StorageUnavailable.
        """
        open_volume(self._store, name, self._sessions.fresh()).close()

    def _check_size(self, name: str, size_bytes: int) -> None:
        checked_name(name)
        if not 0 < size_bytes <= MAX_VOLUME_BYTES:
            raise OutOfRange(f"{name}: {size_bytes} bytes; 1 to {MAX_VOLUME_BYTES} are possible")

    def _add(self, name: str, header: Header, slots: array[int]) -> None:
        try:
            self._store.records.create(MAPS, name, encode(header, slots))
        except FileExistsError:
            raise VolumeExists(name) from None

    def _put(self, name: str, header: Header, slots: array[int]) -> None:
        self._store.records.put(
            MAPS, name, encode(header._replace(serial=header.serial + 1), slots)
        )

    def _is_there(self, name: str) -> bool:
        try:
            self._store.records.get(MAPS, name, 1)
        except FileNotFoundError:
            return False
        return True

    def _now_us(self) -> int:
        return int(self._now_s() * 1e6)
