"""
Finding and removing what crashes left.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store
from archipelagod.upkeep import orphans
from archipelagod.volume import journal, slots
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.slots import BODIES
from tests.archipelagod.upkeep.test_reclaim import World

OLD = 3600.0


def sweep(store: Store, age_s: float = -OLD) -> orphans.Orphans:
    """All at once; bodies of that age count as old."""
    steps = orphans.sweeping(store, time.time() - age_s)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: orphans.Orphans = end.value
            return found


class OrphanTests(SynchronousTestCase):
    """orphans.sweeping."""

    def setUp(self) -> None:
        """A snapshot and a clone, with bodies."""
        self.patch(slots, "DELTA_LIMIT", 0)
        self.world = World()
        self.world.image("i")
        self.world.catalogue.clone("i", "c")
        self.world.write("c", 0)

    def test_nothing(self) -> None:
        """What is needed is no orphan."""
        self.assertFalse(sweep(self.world.store))

    def test_objects(self) -> None:
        """An object that nothing refers to goes."""
        oid = self.world.sessions.fresh() << 32
        self.world.store.objects.create(oid)
        needed = self.world.objects - {oid}
        self.assertEqual(sweep(self.world.store).objects, {oid})
        self.assertEqual(self.world.objects, needed)

    def test_journalled(self) -> None:
        """Objects of a volume that is being written stay, though its map does not have them."""
        volume = open_volume(self.world.store, "c", self.world.sessions.fresh())
        volume.write(OBJECT_BYTES, b"new")
        there = self.world.objects
        self.assertFalse(sweep(self.world.store))
        self.assertEqual(self.world.objects, there)

    def test_unreadable_journal(self) -> None:
        """While it is not known which session a journal is of, no object is removed."""
        self.world.store.objects.create(self.world.sessions.fresh() << 32)
        uid = self.world.catalogue.header("c").uid
        self.world.store.records.put(journal.ROOM, journal.journal_name(uid), b"nonsense")
        found = sweep(self.world.store)
        self.assertEqual((found.objects, found.is_sure), (frozenset(), False))

    def test_bodies(self) -> None:
        """An old body that nothing refers to goes; a young one may be about to be used."""
        self.world.store.records.put(BODIES, "00000fff00000000", b"x" * 8)
        self.assertFalse(sweep(self.world.store, OLD))
        self.assertEqual(sweep(self.world.store).bodies, {"00000fff00000000"})

    def test_journals(self) -> None:
        """The journal of a volume that is gone goes, unless somebody has its lease."""
        uid = self.world.sessions.fresh()
        name = journal.journal_name(uid)
        start = journal.pack(journal.START, uid, uid << 32, 1)
        self.world.store.records.put(journal.ROOM, name, start)
        lease = self.world.store.leases.acquire(name, b"")
        sweep(self.world.store)
        self.assertEqual(self.world.store.records.names(journal.ROOM), [name])
        lease.release()
        self.assertEqual(sweep(self.world.store).journals, {name})
        self.assertEqual(self.world.store.records.names(journal.ROOM), [])
