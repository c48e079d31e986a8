"""
Deleted maps, and removing what only they refer to.

A deleted map moves to the room of the deleted in one step.  If it was writable its own objects go
at once: nobody else refers to them.  A read-only map may share its objects with clones, so it stays
until the last map of its family that refers to one of them has let go.  So every object that a map
shares is also in a read-only map or a deleted one, and none is forgotten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.volume.map_format import (
    FIRST_OBJECT,
    HEADER_BYTES,
    PARTIAL,
    DamagedMap,
    Header,
    Record,
    decode,
    decode_header,
)
from archipelagod.volume.open_map import MAPS, OpenMap
from archipelagod.volume.opening import read_journal
from archipelagod.volume.slots import BODIES, Slots, body_name

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

DELETED = "deleted"


def deleted_name(uid: int) -> str:
    """
    Name of a deleted map.
    """
    return f"{uid:08x}"


def bury_record(opened: OpenMap, header: Header) -> None:
    """
    Puts a map's present content among the deleted ones, under ``header``.  Raises OSError.
    """
    opened.put_record(DELETED, deleted_name(header.uid), header)


def bury_volume(store: Store, name: str, header: Header) -> None:
    """
    Deletes the volume ``name``, whose header is given.  Raises OSError.
    """
    store.records.move(MAPS, name, DELETED, deleted_name(header.uid))


def raise_up(store: Store, uid: int, name: str) -> None:
    """
    Makes a buried map the volume ``name``.  Raises FileExistsError, OSError.
    """
    store.records.move(DELETED, deleted_name(uid), MAPS, name)


class Needs(NamedTuple):
    """
    What a map refers to.
    """

    objects: set[int]
    bodies: set[int]  # lists of keys among them


def needs_of(store: Store, record: Record) -> Needs:
    """
    What a map refers to.  Raises FileNotFoundError when it was replaced meanwhile, DamagedMap.
    """
    found = Slots(store, record).references()
    header = record.header
    objects = {oid for oid in found if oid >= FIRST_OBJECT}
    return Needs(objects, {header.body, header.keys} - {0})


def reclaim(
    store: Store,
    families: set[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """
    Removes what the deleted maps (of some families, or all) alone refer to; the number of objects.

    Clones may be made and volumes deleted meanwhile: whoever makes one looks afterwards whether its
    origin is still there.  One call at a time; it may be interrupted at any point, and called
    again.  Raises OSError.
    """
    deleted = list(_deleted(store, families))
    kept = _live(store, {record.header.family for record in deleted if record.header.is_read_only})
    removed = 0
    for number, record in enumerate(deleted):
        if progress is not None:
            progress(number, len(deleted))
        removed += _remove(store, record, kept)
    return removed


def _deleted(store: Store, families: set[int] | None) -> Iterator[Record]:
    for name in store.records.names(DELETED):
        with contextlib.suppress(FileNotFoundError, DamagedMap):
            record = decode(store.records.get(DELETED, name))
            if families is None or record.header.family in families:
                yield record


def _remove(store: Store, record: Record, kept: Needs) -> int:
    try:
        mine = needs_of(store, record)
    except FileNotFoundError:
        mine = Needs(set(), set())  # an earlier call came that far
    header = record.header
    if header.is_read_only:
        garbage, bodies = mine.objects - kept.objects, mine.bodies - kept.bodies
        is_done = not mine.objects & kept.objects and not mine.bodies & kept.bodies
    else:
        floor = header.own_from << 32
        everything = mine.objects | _journalled(store, header)
        garbage = {oid for oid in everything if oid >= floor}
        bodies = {body for body in mine.bodies if body >= floor}
        is_done = True
    for oid in garbage:
        store.objects.remove(oid)
    if is_done:
        _forget(store, header, garbage, bodies)
    return len(garbage)


def _forget(store: Store, header: Header, removed: set[int], bodies: Iterable[int]) -> None:
    for session in {oid >> 32 for oid in removed}:
        store.objects.tidy(session)
    for body in bodies:
        store.records.remove(BODIES, body_name(body))
    store.records.remove("journals", deleted_name(header.uid))
    store.records.remove(DELETED, deleted_name(header.uid))


def _journalled(store: Store, header: Header) -> set[int]:
    found = read_journal(store, header.uid)
    if found is None:
        return set()
    made = set(store.objects.of_session(found.session)) if found.session else set()
    return made | {change.slot & ~PARTIAL for change in found.changes if change.slot}


def _live(store: Store, families: set[int]) -> Needs:
    """
    Everything that maps of the families refer to.  Journals need not be read: a map only ever lets
    go of what it shares.
    """
    found = Needs(set(), set())
    if families:
        for name in store.records.names(MAPS):
            _add_needs(store, name, families, found)
    return found


def _add_needs(store: Store, name: str, families: set[int], found: Needs) -> None:
    while True:
        try:
            header = decode_header(store.records.get(MAPS, name, HEADER_BYTES))
            if header.family not in families:
                return
            record = decode(store.records.get(MAPS, name))
        except FileNotFoundError:
            return  # deleted since: it is among the deleted, and told us of nothing new
        try:
            mine = needs_of(store, record)
        except FileNotFoundError:
            if _is_same(store, name, record):
                raise
            continue  # its owner wrote a new body meanwhile
        found.objects.update(mine.objects)
        found.bodies.update(mine.bodies)
        return


def _is_same(store: Store, name: str, record: Record) -> bool:
    try:
        return decode_header(store.records.get(MAPS, name, HEADER_BYTES)) == record.header
    except FileNotFoundError:
        return False
