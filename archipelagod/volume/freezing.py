"""
A snapshot of an open volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archipelagod.volume.burial import bury_record, freezing, raise_up
from archipelagod.volume.census import is_volume
from archipelagod.wire.errors import NoSuchVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.volume import Volume


class NewMap(NamedTuple):
    """
    What a snapshot is called, and two fresh sessions for it and for what the volume writes later.
    """

    name: str
    uid: int
    own_from: int
    created_us: int


def snapshot(store: Store, volume: Volume, new: NewMap) -> None:
    """
    A read-only volume with the content of this moment: everything that was acknowledged before; of
    a request in work all or nothing, unless it is a write of more than 64 KiB.

    Writers wait for as long as it takes to flush what they wrote since the last flush (there is one
    just before) and to write two small records.  Raises VolumeExists, StorageUnavailable, OSError.
    """
    with freezing(store, new.uid):
        volume.sync()
        _freeze(store, volume, new)


def _freeze(store: Store, volume: Volume, new: NewMap) -> None:
    opened = volume.map
    with opened.flush_lock, volume.gate.closed(), opened.lock:
        if new.own_from <= opened.session:  # or the volume would own what it shares
            raise StorageUnavailable(f"{new.name}: its numbers are older than the volume's opening")
        if not opened.header.is_read_only:
            volume.clear_end()
        opened.flush_objects(is_whole=True)
        header = opened.slots.counted()
        frozen = header._replace(
            uid=new.uid,
            parent=header.uid,
            own_from=new.own_from,
            created_us=new.created_us,
            serial=0,
            is_read_only=True,
            is_protected=False,
            own_objects=0,
            own_blocks=0,
        )
        # Until the volume has disowned its objects the snapshot is nobody's to read or clone; what
        # it refers to is kept.
        bury_record(opened, frozen)
        if not header.is_read_only:
            opened.table.freeze()
            opened.stored.rewrite(own_from=new.own_from)
        elif not is_volume(store, volume.name, header.uid):
            raise NoSuchVolume(volume.name)  # another daemon deleted it: its objects may be gone
        raise_up(store, new.uid, new.name)
