"""
What crashes left, and nothing refers to: objects, bodies, journals.

Why no object that is needed is taken for an orphan, whatever happens meanwhile: the objects are
listed first, then the journals are read, then the maps.  An object is made when its volume has a
journal that names the session, and the journal goes when the volume's map has the object.  So an
object that was listed is in a session that a journal names, and is left alone; or its volume has
let it go; or it is in a map when those are read, and who looks at all maps misses none (see
``census``): not one that is renamed, frozen, cloned, rolled back or deleted meanwhile, here or in
another daemon.  Nobody comes to refer to an object that no map refers to.

A body is written just before the map that refers to it; so young ones are left alone.  A journal
begins when its map is there, and numbers of volumes are never given again.  What is found is only
removed if a second look finds it too.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.stores.leases import LeaseHeld
from archipelagod.upkeep.marks import PARTITIONS, Marks
from archipelagod.volume import journal
from archipelagod.volume.census import Step, look
from archipelagod.volume.map_format import PARTIAL, DamagedMap, Header, Record
from archipelagod.volume.reclaim import remove_object
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.volume.unreferenced import Body

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

MOST = 1_000_000  # objects that are found at a time


class Orphans(NamedTuple):
    """
    Names that nothing refers to.
    """

    objects: frozenset[int]
    bodies: frozenset[str]
    journals: frozenset[str]
    is_sure: bool  # False: of objects nothing is known, as a journal can't be read

    def __bool__(self) -> bool:
        return bool(self.objects or self.bodies or self.journals)

    def both(self, other: Orphans) -> Orphans:
        """
        What is in both.
        """
        return Orphans(
            self.objects & other.objects,
            self.bodies & other.bodies,
            self.journals & other.journals,
            self.is_sure and other.is_sure,
        )


class _References:
    """
    Visitor: everything that maps refer to.  What a body says counts for all maps that share it,
    even what none of them shows any more.
    """

    def __init__(self, store: Store, objects: Marks) -> None:
        self._store = store
        self._objects = objects
        self.bodies: set[str] = set()
        self.uids: set[str] = set()

    def has_enough(self) -> bool:
        """See IVisitor."""
        return False

    def wants(self, header: Header) -> bool:
        """See IVisitor."""
        return True

    def damaged(self, header: Header) -> None:
        """See IVisitor."""
        raise DamagedMap(f"what volume {header.uid:08x} refers to is not known")

    def visit(self, record: Record) -> None:
        """See IVisitor."""
        header = record.header
        self._mark(list(record.delta.values()))
        self._mark([partial.parent for partial in record.partials.values()])
        if header.body and body_name(header.body) not in self.bodies:
            body = Body(self._store, header)
            for _, slots in body.slots():
                self._mark(slots)
            self._mark([parent for _, parent in body.parents()])
        self.bodies |= {body_name(each) for each in (header.body, header.keys) if each}
        self.uids.add(journal.journal_name(header.uid))

    def _mark(self, slots: list[int]) -> None:
        by_partition: dict[int, array[int]] = {}
        for slot in slots:
            if slot:
                found = by_partition.setdefault(slot >> 32 & 0xFF, array("Q"))
                found.append(slot & ~PARTIAL)
        for partition, found in by_partition.items():
            self._objects.add(partition, found.tobytes())


def finding(store: Store, before_s: float) -> Generator[Step, None, Orphans]:
    """
    Looks for orphans, a step at a time.

    before_s: bodies put later are left alone (store's clock).  Raises Restless, DamagedMap when it
    is not known what a volume refers to, OSError.
    """
    there, live = Marks(8), Marks(8)
    try:
        yield from _list_objects(store, there)
        bodies = store.records.names(BODIES)
        journals = store.records.names(journal.ROOM)
        active = _sessions_of(store, journals)
        references = _References(store, live)
        yield from look(store, references, set())
        objects: set[int] = set()
        if active is not None:
            objects = yield from _unreferenced(there, live, active)
        old = [
            name
            for name in bodies
            if name not in references.bodies and _is_old(store, name, before_s)
        ]
        return Orphans(
            frozenset(objects),
            frozenset(old),
            frozenset(set(journals) - references.uids),
            active is not None,
        )
    finally:
        there.close()
        live.close()


def _list_objects(store: Store, there: Marks) -> Iterator[Step]:
    for session in store.objects.sessions():
        there.add(session & 0xFF, array("Q", store.objects.of_session(session)).tobytes())
        yield Step(maps=1)


def _sessions_of(store: Store, names: list[str]) -> set[int] | None:
    """
    Sessions that journals name; None when one can't be read.
    """
    found = set()
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            start = store.records.get(journal.ROOM, name, journal.RECORD_BYTES)
            replay = journal.replay(start, 0)
            if replay is None:
                return None
            found.add(replay.session)
    return found


def _unreferenced(there: Marks, live: Marks, active: set[int]) -> Generator[Step, None, set[int]]:
    objects: set[int] = set()
    for partition in range(PARTITIONS):
        left = there.load(partition) - live.load(partition)
        for oid in array("Q", b"".join(left)):
            if oid >> 32 not in active and len(objects) < MOST:
                objects.add(oid)
        yield Step()
    return objects


def _is_old(store: Store, name: str, before_s: float) -> bool:
    try:
        return store.records.stamp(BODIES, name) < before_s
    except FileNotFoundError:
        return False


def sweeping(store: Store, before_s: float) -> Generator[Step, None, Orphans]:
    """
    Removes orphans, a step at a time; what was removed.  One sweep at a time; it may end at any
    step, and begin again.  Raises as ``finding``.
    """
    first = yield from finding(store, before_s)
    if not first:
        return first
    second = yield from finding(store, before_s)
    found = first.both(second)
    for name in sorted(found.journals):
        yield _remove_journal(store, name)
    for oid in sorted(found.objects):
        yield remove_object(store, oid)
    for name in sorted(found.bodies):
        store.records.remove(BODIES, name)
        yield Step(records=1)
    return found


def _remove_journal(store: Store, name: str) -> Step:
    try:
        lease = store.leases.acquire(name, b"")
    except LeaseHeld:
        return Step()
    for room in (journal.RELAYS, journal.ROOM):
        store.records.remove(room, name)
    lease.release()
    return Step(records=1)
