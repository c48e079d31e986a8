"""
Making, naming and deleting volumes, and changing those that nobody has open.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from archipelagod.volume import reclaim
from archipelagod.volume.burial import bury_volume
from archipelagod.volume.freezing import NewMap, snapshot
from archipelagod.volume.map_format import (
    MAX_VOLUME_BYTES,
    Header,
    encode,
    with_header,
)
from archipelagod.volume.names import checked_name
from archipelagod.volume.opening import lease_on, open_volume
from archipelagod.volume.register import Register
from archipelagod.volume.renames import renaming
from archipelagod.volume.rollback import roll_back
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import (
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    Protected,
    TooSmall,
    VolumeBusy,
    VolumeExists,
)

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.sessions import Sessions


class Catalogue:
    """
    The volumes of a store, with what their register tells.  Methods block, and may be called from
    any thread; the caller sees to it that this daemon does not have open what is changed here, the
    leases that no other one has (VolumeBusy).  Every change is wholly done or not at all, on stable
    storage when the method returns.  All may raise OSError, StorageUnavailable, BadRequest for a
    bad name.
    """

    def __init__(self, store: Store, sessions: Sessions, now_s: Callable[[], float]) -> None:
        self.store = store
        register = Register(store)
        self.header = register.header
        self.info = register.info
        self.is_there = register.is_there
        self.list = register.list
        self.unsettled = register.unsettled
        self._read = register.read
        self._sessions = sessions
        self._now_s = now_s
        self._lock = threading.Lock()  # one change of names at a time
        self._reclaim_lock = threading.Lock()

    def create(self, name: str, size_bytes: int) -> None:
        """
        A volume of zeros.  Raises VolumeExists, OutOfRange.
        """
        self.add(name, encode(self.new_header(name, size_bytes), {}, {}))

    def new_header(self, name: str, size_bytes: int) -> Header:
        """
        The header of a new volume without origin.  Raises OutOfRange.
        """
        self._check_size(name, size_bytes)
        uid = self._sessions.fresh()
        return Header(size_bytes, uid, uid, 0, uid, self._now_us())

    def clone(self, origin: str, name: str, size_bytes: int | None = None) -> None:
        """
        A writable volume with the content of a read-only one; what it has more reads as zeros.

        Raises NoSuchVolume, VolumeExists, NotReadOnly, TooSmall, OutOfRange.
        """
        checked_name(name)
        with self._lock:
            parent, record = self._read(origin)
            if not parent.is_read_only:
                raise NotReadOnly(origin)
            size = parent.size_bytes if size_bytes is None else size_bytes
            self._check_size(name, size)
            if size < parent.size_bytes:
                raise TooSmall(f"{name}: {size} bytes; {origin} has {parent.size_bytes}")
            uid = self._sessions.fresh()
            header = parent._replace(
                size_bytes=size,
                uid=uid,
                parent=parent.uid,
                own_from=uid,
                created_us=self._now_us(),
                serial=0,
                is_read_only=False,
                is_protected=False,
                own_objects=0,
                own_blocks=0,
            )
            self.add(name, with_header(header, record))
            self._check_still_there(origin, parent, name, header)

    def _check_still_there(self, origin: str, parent: Header, name: str, header: Header) -> None:
        """
        Undoes a clone whose origin another daemon deleted meanwhile: what they share may be gone.
        """
        with contextlib.suppress(NoSuchVolume):
            if self.header(origin).uid == parent.uid:
                return
        bury_volume(self.store, name, header)
        raise NoSuchVolume(origin)

    def snapshot(self, volume: str, name: str) -> None:
        """
        A read-only volume with the present content of ``volume``, which nobody has open.

        Raises NoSuchVolume, VolumeExists, VolumeBusy.
        """
        with self._opened(volume) as opened:
            self.freeze(opened, self.new_map(name))

    def new_map(self, name: str) -> NewMap:
        """
        Numbers for a snapshot.  Raises VolumeExists.
        """
        if self.is_there(checked_name(name)):
            raise VolumeExists(name)
        return NewMap(name, self._sessions.fresh(), self._sessions.fresh(), self._now_us())

    def freeze(self, volume: Volume, new: NewMap) -> None:
        """
        See freezing.snapshot.
        """
        snapshot(self.store, volume, new)

    def seal(self, name: str) -> None:
        """
        Makes the volume read-only for ever.  Raises NoSuchVolume, VolumeBusy.
        """
        self._replace(name, is_read_only=True)

    def protect(self, name: str, is_on: bool) -> None:
        """
        Forbids or allows to delete the volume.  Raises NoSuchVolume, VolumeBusy.
        """
        self._replace(name, is_protected=is_on)

    def _replace(self, name: str, **fields: bool) -> None:
        with self._settled(name) as header, self._lock:
            changed = header._replace(serial=header.serial + 1, **fields)
            record = self.store.records.get(MAPS, name)
            self.store.records.put(MAPS, name, with_header(changed, record))

    def resize(self, name: str, size_bytes: int) -> None:
        """
        Changes the size of a volume that nobody has open; what is cut off never comes back.

        Raises NoSuchVolume, OutOfRange, ReadOnlyVolume, VolumeBusy.
        """
        self._check_size(name, size_bytes)
        with self._opened(name) as volume:
            volume.resize(size_bytes)

    def rollback(self, name: str, snapshot_name: str) -> None:
        """
        The volume has the content (and size) of a read-only one of its family again.

        Raises NoSuchVolume, NotReadOnly, ReadOnlyVolume, BadRequest, VolumeBusy.
        """
        with self._settled(name) as header, self._lock:
            roll_back(self.store, self._sessions, name, header, checked_name(snapshot_name))

    def rename(self, name: str, new_name: str) -> None:
        """
        Changes the name.  Raises NoSuchVolume, VolumeExists, VolumeBusy.
        """
        checked_name(new_name)
        with self._settled(name), self._lock, renaming(self.store):
            try:
                self.store.records.move(MAPS, name, MAPS, new_name)
            except FileNotFoundError:
                raise NoSuchVolume(name) from None
            except FileExistsError:
                raise VolumeExists(new_name) from None

    def delete(self, name: str) -> Header:
        """
        The volume is gone.  Its objects go with ``reclaim``, which may be called at leisure.

        Raises NoSuchVolume, Protected, VolumeBusy.
        """
        found = self.header(name)
        lease = lease_on(self.store, name, found)
        try:
            return self._delete(name, found.uid)
        finally:
            lease.release()

    def _delete(self, name: str, uid: int) -> Header:
        with self._lock:
            header = self._same(name, uid)
            if header.is_protected:
                raise Protected(name)
            bury_volume(self.store, name, header)
            return header

    def _same(self, name: str, uid: int) -> Header:
        """
        The header, now that the lease of volume ``uid`` is ours.
        """
        header = self.header(name)
        if header.uid != uid:
            raise VolumeBusy(f"{name}: it was replaced in this moment")
        return header

    def reclaim(
        self,
        families: set[int] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """
        Removes objects of deleted volumes (of some families, or all); the number of objects.
        """
        with self._reclaim_lock:
            return reclaim.reclaim(self.store, families, progress)

    def settle(self, name: str) -> None:
        """
        Makes a volume whole that a crash left unsettled.  Raises NoSuchVolume, StorageUnavailable.
        """
        with self._opened(name):
            pass

    def add(self, name: str, record: bytes) -> None:
        """
        Makes a volume of a map's record.  Raises VolumeExists.
        """
        try:
            self.store.records.create(MAPS, name, record)
        except FileExistsError:
            raise VolumeExists(name) from None

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[Volume]:
        volume = open_volume(self.store, checked_name(name), self._sessions.fresh())
        try:
            yield volume
        finally:
            volume.close()

    @contextlib.contextmanager
    def _settled(self, name: str) -> Iterator[Header]:
        """
        The volume is whole, and its lease is ours.
        """
        with self._opened(name) as volume, contextlib.ExitStack() as held:
            if volume.is_read_only:  # else the opening has it
                lease = lease_on(self.store, name, volume.map.header)
                held.callback(lease.release)
            yield self._same(name, volume.map.header.uid)

    def _check_size(self, name: str, size_bytes: int) -> None:
        checked_name(name)
        if not 0 < size_bytes <= MAX_VOLUME_BYTES:
            raise OutOfRange(f"{name}: {size_bytes} bytes; 1 to {MAX_VOLUME_BYTES} are possible")

    def _now_us(self) -> int:
        return int(self._now_s() * 1e6)
