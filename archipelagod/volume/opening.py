"""
Opening a volume, and making it whole after a crash.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from archipelagod.volume import journal
from archipelagod.volume.map_format import DamagedMap, Header, decode, encode
from archipelagod.volume.open_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import NoSuchVolume, StorageUnavailable

if TYPE_CHECKING:
    from archipelagod.stores.store import Store


def open_volume(store: Store, name: str, session: int) -> Volume:
    """
    The volume ``name``, ready for use.  Only one at a time may be open for writing.

    session: a fresh one, for the objects that will be made.  Raises NoSuchVolume,
    StorageUnavailable for a damaged map, OSError.
    """
    header, slots = read_map(store, MAPS, name)
    if not header.is_read_only:
        header = _recovered(store, name, header, slots)
    return Volume(store, name, header, slots, session)


def read_map(store: Store, room: str, name: str) -> tuple[Header, array[int]]:
    """
    The map as last written whole.  Raises NoSuchVolume, StorageUnavailable, OSError.
    """
    try:
        return decode(store.records.get(room, name))
    except FileNotFoundError:
        raise NoSuchVolume(name) from None
    except DamagedMap as error:
        raise StorageUnavailable(f"{name}: {error}") from error


def read_journal(store: Store, uid: int) -> journal.Replay | None:
    """
    What the journal of volume ``uid`` says; None if there is none.  Raises OSError.
    """
    try:
        data = store.records.get(journal.ROOM, journal.journal_name(uid))
    except FileNotFoundError:
        return None
    found = journal.replay(data, journal.boot_tag())
    return found or journal.Replay(0, 0, [], 0, is_clean=True)


def _recovered(store: Store, name: str, header: Header, slots: array[int]) -> Header:
    """
    Takes the journal into the map (and ``slots``), and removes objects that nothing refers to.

    The journal goes last: when this is interrupted it is done again.
    """
    found = read_journal(store, header.uid)
    if found is None:
        return header
    store.objects.flush_all()  # writes that the dead writer acknowledged are still in the kernel
    garbage: set[int] = set()
    if found.serial == header.serial:
        garbage = _apply(found, header, slots)
        own = sum(slot >= header.own_from << 32 for slot in slots)
        header = header._replace(serial=header.serial + 1, own_objects=own)
        store.records.put(MAPS, name, encode(header, slots))
    if found.session:
        garbage.update(store.objects.of_session(found.session))
    for oid in garbage.difference(slots):
        store.objects.remove(oid)
    store.records.remove(journal.ROOM, journal.journal_name(header.uid))
    return header


def _apply(found: journal.Replay, header: Header, slots: array[int]) -> set[int]:
    """
    Changes ``slots`` as told; the map's own objects that it let go.
    """
    dropped = set()
    for index, slot in found.changes[: found.valid]:
        if index >= len(slots):
            slots.frombytes(bytes(8 * (index + 1 - len(slots))))
        if slots[index] >= header.own_from << 32:
            dropped.add(slots[index])
        slots[index] = slot
    return dropped
