"""
Deleted maps, and removing what only they refer to.

A deleted map moves to the room of the deleted in one step.  If it was writable its own objects go
at once: nobody else refers to them.  A read-only map may share its objects with clones, so it stays
until the last map of its family that refers to one of them has let go.  So every object that a map
shares is also in a read-only map or a deleted one, and none is forgotten.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.stores.leases import LeaseHeld
from archipelagod.volume.burial import bury_unfinished, deleted_name
from archipelagod.volume.census import DELETED, FREEZING, LOOKED, Step, look
from archipelagod.volume.journal import RELAYS, journal_name
from archipelagod.volume.journal import ROOM as JOURNALS
from archipelagod.volume.map_format import (
    HEADER_BYTES,
    PARTIAL,
    DamagedMap,
    Header,
    Record,
    decode,
    decode_header,
    encode,
)
from archipelagod.volume.opening import read_journal
from archipelagod.volume.slots import BODIES, Slots, body_name
from archipelagod.volume.unreferenced import Needs, Unreferenced, needs_of, rest_of

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

__all__ = ["DELETED", "FREEZING", "Needs", "needs_of"]

BATCH_OBJECTS = 500_000  # that a pass considers, about: they are kept in memory
SHRUNK_OBJECTS = 100_000  # up to so many the rest of a deleted map is written anew


class Reclaimed(NamedTuple):
    """
    What a pass did.
    """

    objects: int  # removed
    maps: int  # of deleted volumes, forgotten
    undecided: int  # families with a map that can't be read: nothing of them is removed


def reclaim(
    store: Store,
    families: set[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """
    Removes what the deleted maps (of some families, or all) alone refer to; the number of objects.

    Raises as ``reclaiming``.
    """
    steps = reclaiming(store, families, progress)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            done: Reclaimed = end.value
            return done.objects


def reclaiming(
    store: Store,
    families: set[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Generator[Step, None, Reclaimed]:
    """
    As ``reclaim``, a step at a time.  Volumes may be made, cloned, frozen, renamed, rolled back and
    deleted meanwhile; one pass at a time.  It may end at any step, and begin again.

    What only deleted maps refer to nobody can come to refer to again: a clone (or a roll-back) of
    one that is deleted meanwhile is undone by who makes it, as it looks for its origin afterwards.
    Raises Restless, DamagedMap when nothing can be said of a map, OSError.
    """
    bury_unfinished(store)
    removed = forgotten = 0
    shared: list[str] = []
    for name in store.records.names(DELETED):
        header = _header(store, name)
        if header is not None and not header.is_read_only:
            removed += yield from removing_own(store, header.uid)
            forgotten += 1
        elif header is not None and (families is None or header.family in families):
            shared.append(name)
        yield LOOKED
    done = yield from _Pass(store, progress).run(shared)
    return done._replace(objects=done.objects + removed, maps=done.maps + forgotten)


def _header(store: Store, name: str) -> Header | None:
    with contextlib.suppress(FileNotFoundError, DamagedMap):
        return decode_header(store.records.get(DELETED, name, HEADER_BYTES))
    return None


def removing_own(store: Store, uid: int) -> Generator[Step, None, int]:
    """
    Removes the objects that a deleted volume has for itself if it was writable, and forgets it.  No
    other map is looked at.  The number of objects.  Raises OSError.
    """
    try:
        record = decode(store.records.get(DELETED, deleted_name(uid)))
        if record.header.is_read_only:
            return 0
        own = _own(store, record)
    except (FileNotFoundError, DamagedMap):
        return 0
    for oid in sorted(own.objects):
        yield remove_object(store, oid)
    _forget(store, record.header, own)
    return len(own.objects)


def remove_object(store: Store, oid: int) -> Step:
    """
    Removes an object, if it is there.  Raises OSError.
    """
    try:
        freed_bytes = store.objects.space(oid)
    except FileNotFoundError:
        return Step()
    store.objects.remove(oid)
    return Step(objects=1, freed_bytes=freed_bytes)


def _own(store: Store, record: Record) -> Needs:
    header = record.header
    floor = header.own_from << 32
    mine = Needs(set(), set())
    with contextlib.suppress(FileNotFoundError):  # an earlier call came that far
        mine = needs_of(store, record)
    objects = mine.objects | _journalled(store, header)
    return Needs(
        {oid for oid in objects if oid >= floor}, {body for body in mine.bodies if body >= floor}
    )


def _journalled(store: Store, header: Header) -> set[int]:
    found = read_journal(store, header)
    if found is None:
        return set()
    made = set(store.objects.of_session(found.session)) if found.session else set()
    return made | {change.slot & ~PARTIAL for change in found.changes if change.slot}


def _forget(store: Store, header: Header, removed: Needs) -> None:
    name = deleted_name(header.uid)
    _tidy(store, removed.objects)
    for body in removed.bodies:
        store.records.remove(BODIES, body_name(body))
    for room in (RELAYS, JOURNALS):
        store.records.remove(room, journal_name(header.uid))
    store.records.remove(DELETED, name)
    with contextlib.suppress(LeaseHeld):
        store.leases.acquire(name, b"").release()  # what a killed daemon left of it goes too


def _tidy(store: Store, removed: set[int]) -> None:
    for session in {oid >> 32 for oid in removed}:
        store.objects.tidy(session)


class _Pass:
    """
    A pass over deleted read-only maps.
    """

    def __init__(self, store: Store, progress: Callable[[int, int], None] | None) -> None:
        self._store = store
        self._progress = progress

    def run(self, names: list[str]) -> Generator[Step, None, Reclaimed]:
        """
        As many at a time as fit into memory.
        """
        removed = forgotten = done = 0
        undecided: set[int] = set()
        while done < len(names):
            batch, garbage = self._batch(names[done:])
            if garbage.objects or garbage.bodies:
                yield from look(self._store, garbage, set(names))
            undecided |= garbage.undecided
            for name in batch:
                if self._progress is not None:
                    self._progress(done, len(names))
                count, is_gone = yield from self._remove(name, garbage)
                removed += count
                forgotten += is_gone
                done += 1
        return Reclaimed(removed, forgotten, len(undecided))

    def _batch(self, names: list[str]) -> tuple[list[str], Unreferenced]:
        garbage = Unreferenced(self._store)
        batch = []
        for name in names:
            batch.append(name)
            with contextlib.suppress(FileNotFoundError, DamagedMap):
                garbage.add(decode(self._store.records.get(DELETED, name)))
            if len(garbage.objects) >= BATCH_OBJECTS:
                break
        return batch, garbage

    def _remove(self, name: str, garbage: Unreferenced) -> Generator[Step, None, tuple[int, bool]]:
        try:
            record = decode(self._store.records.get(DELETED, name))
            mine = self._needs(record)
        except (FileNotFoundError, DamagedMap):
            return 0, False
        if record.header.family in garbage.undecided:
            return 0, False
        gone = Needs(mine.objects & garbage.objects, mine.bodies & garbage.bodies)
        for oid in sorted(gone.objects):
            yield remove_object(self._store, oid)
        kept = Needs(mine.objects - gone.objects, mine.bodies - gone.bodies)
        if not kept.objects and not kept.bodies:
            _forget(self._store, record.header, gone)
            return len(gone.objects), True
        if gone.objects or gone.bodies:
            self._shrink(name, record, gone, kept)
        return len(gone.objects), False

    def _needs(self, record: Record) -> Needs:
        try:
            return needs_of(self._store, record)
        except FileNotFoundError:  # an earlier pass came that far
            return Needs(set(), set())

    def _shrink(self, name: str, record: Record, gone: Needs, kept: Needs) -> None:
        """
        Leaves of a deleted map only what others still refer to: the next pass has less to do.
        """
        header = record.header
        _tidy(self._store, gone.objects)
        if header.body in kept.bodies or len(kept.objects) > SHRUNK_OBJECTS:
            return
        delta, partials = rest_of(Slots(self._store, record), kept.objects)
        header = header._replace(body=0, body_slots=0, body_partials=0, body_sum=0)
        if header.keys not in kept.bodies:
            header = header._replace(keys=0, key_count=0)
        try:
            self._store.records.put(DELETED, name, encode(header, delta, partials))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return  # another time: it only saves work
            raise
        for body in gone.bodies:
            self._store.records.remove(BODIES, body_name(body))
