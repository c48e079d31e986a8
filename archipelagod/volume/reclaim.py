"""
Removing objects that no map refers to.

A deleted map moves to the room of the deleted in one step.  If it was writable its own objects go
at once: nobody else refers to them.  A read-only map may share its objects with clones, so it stays
until the last map of its family that refers to one of them has let go.  So every object that a map
shares is also in a read-only map or a deleted one, and none is forgotten.
"""

from __future__ import annotations

from array import array
from threading import Lock
from typing import TYPE_CHECKING

from archipelagod.volume.map_format import (
    HEADER_BYTES,
    DamagedMap,
    Header,
    decode,
    decode_header,
    encode,
)
from archipelagod.volume.open_map import MAPS
from archipelagod.volume.opening import read_journal

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

DELETED = "deleted"


def _name(uid: int) -> str:
    return f"{uid:08x}"


def bury(store: Store, header: Header, slots: array[int]) -> None:
    """
    Puts a map among the deleted ones.  Raises OSError.
    """
    store.records.put(DELETED, _name(header.uid), encode(header, slots))


def bury_volume(store: Store, name: str, header: Header) -> None:
    """
    Deletes the volume ``name``, whose header is given.  Raises OSError.
    """
    store.records.move(MAPS, name, DELETED, _name(header.uid))


def raise_up(store: Store, uid: int, name: str) -> None:
    """
    Makes a buried map the volume ``name``.  Raises OSError.
    """
    store.records.move(DELETED, _name(uid), MAPS, name)


def reclaim(store: Store, lock: Lock, family: int | None = None) -> int:
    """
    Removes what the deleted maps (of one family, or all) alone refer to; the number of objects.

    lock: keeps the catalogue as it is; held while maps are compared, not while objects go.  One
    call at a time; it may be interrupted at any point, and called again.  Raises OSError.
    """
    removed = 0
    for name in store.records.names(DELETED):
        with lock:
            found = _worthless(store, name, family)
        if found is None:
            continue
        header, garbage, kept = found
        for oid in garbage:
            store.objects.remove(oid)
        if not kept:
            _forget(store, header, garbage)
        elif garbage:
            bury(store, header, array("Q", sorted(kept)))
        removed += len(garbage)
    return removed


def _worthless(
    store: Store, name: str, family: int | None
) -> tuple[Header, set[int], set[int]] | None:
    """
    The header of a deleted map, the objects that may go and those that must stay.
    """
    try:
        header, slots = decode(store.records.get(DELETED, name))
    except (FileNotFoundError, DamagedMap):
        return None
    if family is not None and header.family != family:
        return None
    mine = set(slots)
    mine.discard(0)
    if header.is_read_only:
        kept = mine & _live(store, header.family)
        return header, mine - kept, kept
    mine.update(_journalled(store, header))
    return header, {slot for slot in mine if slot >= header.own_from << 32}, set()


def _forget(store: Store, header: Header, removed: set[int]) -> None:
    for session in {oid >> 32 for oid in removed}:
        store.objects.tidy(session)
    store.records.remove("journals", _name(header.uid))
    store.records.remove(DELETED, _name(header.uid))


def _journalled(store: Store, header: Header) -> set[int]:
    found = read_journal(store, header.uid)
    if found is None:
        return set()
    made = set(store.objects.of_session(found.session)) if found.session else set()
    return made | {slot for _, slot in found.changes if slot}


def _live(store: Store, family: int) -> set[int]:
    """
    Every object that a map of the family refers to, or would refer to after a crash.
    """
    found: set[int] = set()
    for name in store.records.names(MAPS):
        try:
            if decode_header(store.records.get(MAPS, name, HEADER_BYTES)).family != family:
                continue
            header, slots = decode(store.records.get(MAPS, name))
        except FileNotFoundError:
            continue  # deleted since: it is among the deleted, and told us of nothing new
        found.update(slots)
        journal = read_journal(store, header.uid)
        if journal is not None:
            found.update(slot for _, slot in journal.changes)
    return found
