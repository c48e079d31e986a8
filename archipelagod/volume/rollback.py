"""
A volume as one of its snapshots was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archipelagod.volume.burial import deleted_name, freezing
from archipelagod.volume.census import DELETED, FREEZING, is_volume
from archipelagod.volume.map_format import DamagedMap, Header, decode_header, with_header
from archipelagod.volume.stored_map import MAPS
from archipelagod.wire.errors import (
    BadRequest,
    NoSuchVolume,
    NotReadOnly,
    ReadOnlyVolume,
    StorageUnavailable,
)

if TYPE_CHECKING:
    from archipelagod.stores.store import Store
    from archipelagod.volume.sessions import Sessions


def roll_back(
    store: Store, sessions: Sessions, name: str, header: Header, snapshot_name: str
) -> None:
    """
    Gives the volume ``name``, which is settled and has ``header``, the content and size of a
    read-only one of its family.

    Raises NoSuchVolume, NotReadOnly, ReadOnlyVolume, BadRequest, StorageUnavailable, OSError.
    """
    if header.is_read_only:
        raise ReadOnlyVolume(name)
    origin, record = _origin(store, snapshot_name)
    if origin.family != header.family:
        raise BadRequest(f"{snapshot_name} is no snapshot of {name}")
    kept = deleted_name(sessions.fresh())
    with freezing(store, int(kept, 16)) as lease:
        # what the snapshot refers to stays until the volume refers to it, or this process is gone
        copy = origin._replace(uid=int(kept, 16), parent=0, is_protected=False)
        store.records.put(FREEZING, kept, with_header(copy, record))
        try:
            if not is_volume(store, snapshot_name, origin.uid):
                raise NoSuchVolume(snapshot_name)
            _keep_present(store, sessions.fresh(), name, header)
            changed = _changed(header, origin, sessions.fresh())
            lease.check()
            store.records.put(MAPS, name, with_header(changed, record))
        finally:
            store.records.remove(FREEZING, kept)


def _origin(store: Store, name: str) -> tuple[Header, bytes]:
    try:
        record = store.records.get(MAPS, name)
        origin = decode_header(record)
    except FileNotFoundError:
        raise NoSuchVolume(name) from None
    except DamagedMap as error:
        raise StorageUnavailable(f"{name}: {error}") from error
    if not origin.is_read_only:
        raise NotReadOnly(name)
    return origin, record


def _keep_present(store: Store, uid: int, name: str, header: Header) -> None:
    """
    What only the present content refers to goes once the map is replaced.
    """
    left = header._replace(uid=uid, is_read_only=True, is_protected=False)
    old = with_header(left, store.records.get(MAPS, name))
    store.records.put(DELETED, deleted_name(uid), old)


def _changed(header: Header, origin: Header, own_from: int) -> Header:
    return header._replace(
        size_bytes=origin.size_bytes,
        parent=origin.uid,
        own_from=own_from,
        serial=header.serial + 1,
        own_objects=0,
        own_blocks=0,
        all_objects=origin.all_objects,
        body=origin.body,
        body_slots=origin.body_slots,
        body_partials=origin.body_partials,
        body_sum=origin.body_sum,
        keys=origin.keys,
        key_count=origin.key_count,
    )
