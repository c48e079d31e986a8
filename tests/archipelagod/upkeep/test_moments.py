"""
Changes of volumes at every moment of a pass: between any two calls that it makes.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.upkeep import orphans
from archipelagod.volume import reclaim, slots
from archipelagod.volume.census import Restless
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.renames import LEASE
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import NoSuchVolume, Protected, VolumeBusy
from tests.archipelagod.upkeep.baton import stepping
from tests.archipelagod.upkeep.test_reclaim import World

MOST = 30  # histories of a kind that are tried
Change = Callable[["Family"], None]


class Family(World):
    """
    A base, two snapshots of it, "i" and "j", and a clone of one, "c", open.  "j" is deleted.
    """

    def __init__(self, owners: str) -> None:
        super().__init__()
        self.catalogue.create("base", 2 * OBJECT_BYTES)
        self.fill("base")
        self.catalogue.snapshot("base", "i")
        self.catalogue.snapshot("base", "j")
        self.catalogue.clone("i", "c")
        self.volume: Volume | None = None
        for name in {"base", "c", "i"} - set(owners.split()):
            if name == "i":
                self.catalogue.delete("i")
            else:  # nothing of it is shared any more
                self.fill(name)
        self.catalogue.delete("j")

    def fill(self, name: str) -> None:
        """Writes all of a volume anew."""
        volume = open_volume(self.store, name, self.sessions.fresh())
        for index in range(2):
            volume.zero(index * OBJECT_BYTES, OBJECT_BYTES)
            volume.write(index * OBJECT_BYTES, b"new")
        volume.close()

    def opened(self) -> Volume:
        """The clone."""
        if self.volume is None:
            self.volume = open_volume(self.store, "c", self.sessions.fresh())
        return self.volume


def rename(old: str, new: str) -> Change:
    """A volume has another name."""
    return lambda world: world.catalogue.rename(old, new)


def clone(origin: str, name: str) -> Change:
    """A volume that shares all."""
    return lambda world: world.catalogue.clone(origin, name)


def delete(name: str) -> Change:
    """A volume goes."""
    return lambda world: world.catalogue.delete(name) and None


def rollback(name: str, origin: str) -> Change:
    """A volume shares all again."""
    return lambda world: world.catalogue.rollback(name, origin)


def snapshot(name: str, new: str) -> Change:
    """Of a volume that nobody has open."""
    return lambda world: world.catalogue.snapshot(name, new)


def freeze(world: Family) -> None:
    """Of the clone, which is open."""
    world.catalogue.freeze(world.opened(), world.catalogue.new_map("s"))


def overwrite(world: Family) -> None:
    """The clone lets go of all that it shares."""
    for index in range(2):
        world.opened().zero(index * OBJECT_BYTES, OBJECT_BYTES)
    world.opened().close()


def journal(world: Family) -> None:
    """The clone is written, and stays open."""
    world.opened().write(5, b"new")


def close(world: Family) -> None:
    """What was written is in the map."""
    if world.volume is not None:
        world.volume.close()
        world.volume = None


#: who else shares the objects of the deleted snapshot, and what happens meanwhile, in this order
HISTORIES: dict[str, tuple[str, list[Change]]] = {
    "renamed": ("c", [rename("c", "d"), rename("d", "c")]),
    "renamed_away": ("c", [rename("c", "d"), rename("d", "e"), rename("e", "c")]),
    "frozen": ("c", [freeze, overwrite]),
    "frozen_later": ("c", [journal, freeze, overwrite]),
    "frozen_and_renamed": ("c", [freeze, overwrite, rename("s", "t")]),
    "frozen_and_cloned": ("c", [freeze, clone("s", "d"), delete("s")]),
    "cloned": ("i", [clone("i", "d"), delete("i")]),
    "cloned_after_rename": ("i", [rename("i", "k"), clone("k", "d"), delete("k")]),
    "cloned_twice": ("i", [clone("i", "d"), delete("i"), snapshot("d", "e")]),
    "rolled_back": ("i", [rollback("base", "i"), delete("i")]),
    "rolled_back_and_renamed": ("i", [rollback("c", "i"), delete("i"), rename("c", "d")]),
    "copied": ("i", [snapshot("i", "k"), delete("i")]),
    "name_taken": ("i", [rename("i", "k"), rename("base", "i"), rename("k", "base")]),
}


def calls(owners: str) -> int:
    """How many a pass makes."""
    world = Family(owners)
    count = [0]

    def step() -> None:
        count[0] += 1

    for _ in collecting(World(stepping(world.store, step))):
        pass
    return count[0]


def collecting(world: World) -> Iterator[None]:
    """A pass, and a search for orphans."""
    for _ in reclaim.reclaiming(world.store):
        yield
    for _ in orphans.sweeping(world.store, 0):
        yield


class MomentTests(SynchronousTestCase):
    """Whatever happens when: nothing that a volume needs is removed."""

    def play(
        self,
        owners: str,
        changes: list[Change],
        moments: tuple[int, ...],
        work: Callable[[World], Iterator[None]] = collecting,
    ) -> None:
        """One history."""
        world = Family(owners)
        left = list(zip(moments, changes, strict=True))
        count = [0]

        def step() -> None:
            count[0] += 1
            if world.store.leases.holder(LEASE) is not None:
                return  # who renames waits
            while left and left[0][0] < count[0]:
                left.pop(0)[1](world)

        with contextlib.suppress(Restless):
            for _ in work(World(stepping(world.store, step))):
                pass
        for _, change in left:
            change(world)
        self.assertEqual(world.needed - world.objects, set(), moments)

    def play_all(self) -> None:
        """All moments of all histories, or a choice of them."""
        chance = random.Random(1)
        for owners, changes in HISTORIES.values():
            count = calls(owners)
            moments = list(combinations_with_replacement(range(count), len(changes)))
            for chosen in chance.sample(moments, min(len(moments), MOST)):
                self.play(owners, changes, chosen)

    def test_one_look_for_orphans(self) -> None:
        """Objects that are made, or find their way into a map, meanwhile."""

        def removing(world: World) -> Iterator[None]:
            found = yield from orphans.finding(world.store, 0)  # type: ignore[misc]
            for oid in found.objects:
                world.store.objects.remove(oid)

        for changes in ([journal, close], [journal, close, journal, close], [journal, freeze]):
            count = calls("c")
            moments = list(combinations_with_replacement(range(count), len(changes)))
            for chosen in random.Random(1).sample(moments, min(len(moments), 10 * MOST)):
                self.play("c", changes, chosen, removing)

    def test_deltas(self) -> None:
        """Small maps."""
        self.play_all()

    def test_bodies(self) -> None:
        """Every map that is written has a new body."""
        self.patch(slots, "DELTA_LIMIT", 0)
        self.play_all()


#: who shares the objects, what is done, and the volume that another daemon deletes meanwhile
DELETIONS: dict[str, tuple[str, Change, str]] = {
    "clone": ("i", clone("i", "d"), "i"),
    "rollback": ("i", rollback("base", "i"), "i"),
    "rollback_of_clone": ("i", rollback("c", "i"), "i"),
    "snapshot": ("i", snapshot("i", "k"), "i"),
    "freeze": ("i c", freeze, "i"),
    "seal": ("i c", lambda world: world.catalogue.seal("c"), "i"),
    "protect": ("i", lambda world: world.catalogue.protect("i", True), "i"),
}


class DeletionTests(SynchronousTestCase):
    """An origin is deleted, and a pass happens, at every moment of a change."""

    def play(self, owners: str, change: Change, origin: str, deleted: int, passed: int) -> int:
        """One history; how many calls the change makes."""
        world = Family(owners)
        count = [0]

        def step() -> None:
            count[0] += 1
            if count[0] == deleted:
                with contextlib.suppress(VolumeBusy, NoSuchVolume, Protected):
                    world.catalogue.delete(origin)
            if count[0] == passed:
                for _ in collecting(world):
                    pass

        other = Family.__new__(Family)
        World.__init__(other, stepping(world.store, step))
        other.volume = None
        with contextlib.suppress(NoSuchVolume):
            change(other)
        calls_made = count[0]
        self.assertEqual(world.needed - world.objects, set(), (deleted, passed))
        for _ in collecting(world):
            pass
        self.assertEqual(world.needed - world.objects, set(), (deleted, passed))
        return calls_made

    def test_all(self) -> None:
        """All pairs of moments."""
        for owners, change, origin in DELETIONS.values():
            count = self.play(owners, change, origin, -1, -1)
            for deleted in range(1, count + 1):
                for passed in range(deleted, count + 1):
                    self.play(owners, change, origin, deleted, passed)
