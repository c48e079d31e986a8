"""
Removing what deleted volumes left.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_memory_store
from archipelagod.upkeep import orphans
from archipelagod.volume import reclaim, slots
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.census import LOOKS, Restless
from archipelagod.volume.map_format import OBJECT_BYTES, DamagedMap
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.volume.stored_map import MAPS
from archipelagod.wire.errors import NoSuchVolume
from tests.archipelagod.upkeep.crashing import Fuse, Killed, fused

COUNT = 4


class World:
    """
    A store and its volumes.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or open_memory_store()
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)

    def write(self, name: str, *indices: int) -> None:
        """Writes whole objects."""
        volume = open_volume(self.store, name, self.sessions.fresh())
        for index in indices:
            volume.write(index * OBJECT_BYTES, b"x" * OBJECT_BYTES)
        volume.close()

    def image(self, name: str) -> None:
        """A snapshot with COUNT objects."""
        self.catalogue.create(f"{name}-base", COUNT * OBJECT_BYTES)
        self.write(f"{name}-base", *range(COUNT))
        self.catalogue.snapshot(f"{name}-base", name)

    @property
    def objects(self) -> set[int]:
        """All that are there."""
        numbers = self.store.objects.sessions()
        return {oid for number in numbers for oid in self.store.objects.of_session(number)}

    @property
    def needed(self) -> set[int]:
        """All that volumes refer to."""
        names = self.store.records.names(MAPS)
        found = [reclaim.needs_of(self.store, read_map(self.store, MAPS, each)) for each in names]
        return set().union(*(each.objects for each in found))

    @property
    def needed_bodies(self) -> set[str]:
        """Names of all bodies that maps, deleted ones too, refer to."""
        found: set[int] = set()
        for room in (MAPS, reclaim.DELETED):
            for name in self.store.records.names(room):
                found |= reclaim.needs_of(self.store, read_map(self.store, room, name)).bodies
        return {body_name(each) for each in found}


class ReclaimTests(SynchronousTestCase):
    """What is removed, and what stays."""

    def setUp(self) -> None:
        """An image with a clone that wrote one object."""
        self.world = World()
        self.world.image("i")
        self.world.catalogue.clone("i", "c")
        self.world.write("c", 0)

    def test_own_objects(self) -> None:
        """Of a deleted writable volume goes what it had for itself; no map is looked at."""
        header = self.world.catalogue.delete("c")
        steps = list(reclaim.removing_own(self.world.store, header.uid))
        self.assertEqual(sum(step.objects for step in steps), 1)
        self.assertEqual(sum(step.maps for step in steps), 0)
        self.assertEqual(self.world.objects, self.world.needed)
        self.assertEqual(self.world.store.records.names(reclaim.DELETED), [])

    def test_shared_stays(self) -> None:
        """Of a deleted image stays what a clone shows."""
        self.world.catalogue.delete("i")
        self.world.catalogue.delete("i-base")
        self.assertEqual(reclaim.reclaim(self.world.store), 1)
        self.assertEqual(self.world.objects, self.world.needed)

    def test_all_needed(self) -> None:
        """When a map needs all of a deleted one no other is looked at."""
        for number in range(50):
            self.world.catalogue.create(f"v{number}", 1)
        self.world.catalogue.delete("i")
        steps = list(reclaim.reclaiming(self.world.store))
        self.assertLess(sum(step.maps for step in steps), 50)
        self.assertEqual(len(self.world.store.records.names(reclaim.DELETED)), 1)

    def test_rest_is_small(self) -> None:
        """What was removed once is not looked for again."""
        self.patch(slots, "DELTA_LIMIT", 0)
        self.world.write("c", 1)  # now its body is its own
        self.world.catalogue.delete("i")
        self.world.catalogue.delete("i-base")
        reclaim.reclaim(self.world.store)
        self.assertEqual(len(self.world.store.records.names(BODIES)), 1)
        again = list(reclaim.reclaiming(self.world.store))
        self.assertEqual(sum(step.objects for step in again), 0)
        self.world.catalogue.delete("c")
        reclaim.reclaim(self.world.store)
        self.assertEqual(self.world.objects, set())
        self.assertEqual(self.world.store.records.names(reclaim.DELETED), [])

    def test_other_families(self) -> None:
        """Only the families that are named."""
        self.world.image("j")
        family = self.world.catalogue.delete("j").family
        self.world.catalogue.delete("j-base")
        self.assertEqual(reclaim.reclaim(self.world.store, {family + 1}), 0)
        self.assertEqual(reclaim.reclaim(self.world.store, {family}), COUNT)

    def test_damaged_map(self) -> None:
        """A volume that can't be read protects its family, and no other."""
        self.world.image("j")
        record = self.world.store.records.get(MAPS, "c")
        self.world.store.records.put(MAPS, "c", record[:-1] + bytes([record[-1] ^ 1]))
        for name in ("i", "i-base", "j", "j-base"):
            self.world.catalogue.delete(name)
        self.assertEqual(reclaim.reclaim(self.world.store), COUNT)
        self.assertEqual(len(self.world.objects), COUNT + 1)

    def test_damaged_header(self) -> None:
        """A volume of which nothing is known protects all."""
        self.world.store.records.put(MAPS, "c", b"nonsense")
        self.world.catalogue.delete("i")
        self.assertRaises(DamagedMap, reclaim.reclaim, self.world.store)
        self.assertEqual(len(self.world.objects), COUNT + 1)

    def test_restless(self) -> None:
        """While volumes are renamed all the time nothing is removed."""
        self.world.catalogue.delete("i")
        self.world.catalogue.delete("i-base")
        self.world.catalogue.create("r0", 1)
        steps = reclaim.reclaiming(self.world.store)
        count = 0
        with self.assertRaises(Restless):
            for step in steps:
                self.world.catalogue.rename(f"r{count}", f"r{count + 1}")
                count += 1
                self.assertEqual(step.objects, 0)
        self.assertGreater(count, LOOKS)

    def test_clone_of_deleted(self) -> None:
        """A clone whose origin another daemon deletes meanwhile does not come to be."""
        other = World(self.world.store)
        add = self.world.catalogue.add

        def deleted_before(name: str, record: bytes) -> None:
            other.catalogue.delete("i")
            other.catalogue.delete("i-base")
            reclaim.reclaim(other.store)
            add(name, record)

        self.world.catalogue.add = deleted_before  # type: ignore[method-assign]
        self.assertRaises(NoSuchVolume, self.world.catalogue.clone, "i", "d")
        self.assertNotIn("d", self.world.store.records.names(MAPS))


class CrashTests(SynchronousTestCase):
    """The daemon dies at any change that a pass makes, or that a user makes."""

    def prepared(self) -> World:
        """Images, clones and clones of clones, half of it deleted."""
        world = World()
        world.image("i")
        for name in ("a", "b"):
            world.catalogue.clone("i", name)
            world.write(name, 0, 1)
            world.catalogue.snapshot(name, f"{name}-s")
            world.write(name, 1, 2)
        for name in ("i", "i-base", "a-s", "b"):
            world.catalogue.delete(name)
        return world

    def test_pass(self) -> None:
        """What is needed is there, and the next pass removes the rest."""
        for limit in (4096, 0):
            self.patch(slots, "DELTA_LIMIT", limit)
            lasts, is_whole = 0, False
            while not is_whole:
                world = self.prepared()
                try:
                    reclaim.reclaim(fused(world.store, Fuse(lasts)))
                    is_whole = True
                except Killed:
                    lasts += 1
                self.assertEqual(world.needed - world.objects, set(), lasts)
                reclaim.reclaim(world.store)
                self.assertEqual(world.objects, world.needed, lasts)
                for _ in orphans.sweeping(world.store, time.time() + 1):
                    pass
                self.assertEqual(set(world.store.records.names(BODIES)), world.needed_bodies)
                self.assertEqual(world.objects, world.needed, lasts)
            self.assertGreater(lasts, 10)

    def test_snapshot(self) -> None:
        """Half a snapshot goes, and nothing that the volume has."""
        lasts, is_whole = 0, False
        while not is_whole:
            world = World()
            world.catalogue.create("v", COUNT * OBJECT_BYTES)
            world.write("v", 0)
            dying = World(fused(world.store, Fuse(10_000)))
            volume = open_volume(dying.store, "v", dying.sessions.fresh())
            volume.write(OBJECT_BYTES, b"new")
            new = dying.catalogue.new_map("s")
            fuse = Fuse(lasts)
            dying.store.objects._fuse = dying.store.records._fuse = fuse  # type: ignore[attr-defined]
            try:
                dying.catalogue.freeze(volume, new)
                is_whole = True
            except Killed:
                lasts += 1
            reclaim.reclaim(world.store)  # another daemon does, before the volume is whole again
            self.assertEqual(world.needed - world.objects, set())
            volume.map._lease.release()  # type: ignore[union-attr]
            world.catalogue.settle("v")
            self.assertEqual(len(world.needed), 2)
            self.assertEqual(world.needed - world.objects, set())
            world.catalogue.settle("v")
            reclaim.reclaim(world.store)
            self.assertEqual(world.objects, world.needed)
            self.assertEqual(world.store.records.names(reclaim.FREEZING), [])
        self.assertGreater(lasts, 3)
