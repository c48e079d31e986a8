"""
Removing blocks that nothing refers to.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_file_store, open_memory_store
from archipelagod.upkeep import blocks
from archipelagod.volume import content, reclaim, slots, sweeps
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.wire.errors import NoSuchBlock
from tests.archipelagod.upkeep.baton import Baton, stepping
from tests.archipelagod.upkeep.crashing import Fuse, Killed, fused
from tests.archipelagod.upkeep.test_reclaim import World

LATER_S = 3600.0


def put(store: Store, *texts: str) -> list[str]:
    """Blocks; their keys."""
    return [content.put_block(store, text.encode()) for text in texts]


def create(world: World, name: str, keys: list[str]) -> None:
    """A volume of blocks."""
    size = len(keys) * OBJECT_BYTES
    content.create_from_hashes(world.catalogue, name, size, keys, is_read_only=True)


def sweep(store: Store, before_s: float | None = None) -> blocks.SweptBlocks:
    """All at once, as if all were old."""
    steps = blocks.sweeping(store, time.time() + LATER_S if before_s is None else before_s)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: blocks.SweptBlocks = end.value
            return found


class SweepTests(SynchronousTestCase):
    """blocks.sweeping."""

    def make_store(self) -> Store:
        """A new one."""
        return open_memory_store()

    def setUp(self) -> None:
        """A volume of two blocks, and one that nobody has."""
        self.world = World(self.make_store())
        self.used = put(self.world.store, "a", "b")
        self.unused = put(self.world.store, "c")
        create(self.world, "v", [self.used[0], self.used[1], self.used[0]])

    def missing(self, keys: list[str]) -> list[str]:
        """Those that are gone."""
        return content.have_blocks(self.world.store, keys)

    def test_unused(self) -> None:
        """What nothing refers to goes, and only that."""
        found = sweep(self.world.store)
        self.assertEqual((found.there, found.removed), (3, 1))
        self.assertEqual(self.missing(self.used + self.unused), self.unused)

    def test_young(self) -> None:
        """Who has just put a block has time to use it."""
        found = sweep(self.world.store, time.time() - LATER_S)
        self.assertEqual((found.removed, found.spared), (0, 1))

    def test_clones_and_deleted(self) -> None:
        """A clone needs the blocks, also when its origin is gone; at last nobody does."""
        self.world.catalogue.clone("v", "c")
        self.world.catalogue.delete("v")
        reclaim.reclaim(self.world.store)
        sweep(self.world.store)
        self.assertEqual(self.missing(self.used), [])
        self.world.catalogue.delete("c")
        reclaim.reclaim(self.world.store)
        self.assertEqual(sweep(self.world.store).removed, 2)

    def test_many(self) -> None:
        """More than fit into a page, or into memory."""
        self.patch(blocks, "PAGE", 7)
        keys = put(self.world.store, *(str(number) for number in range(200)))
        create(self.world, "w", keys[::2])
        self.assertEqual(sweep(self.world.store).removed, 101)
        self.assertEqual(self.missing(keys[::2]), [])

    def test_being_made(self) -> None:
        """A list that no map refers to yet counts."""
        self.patch(slots, "DELTA_LIMIT", 0)
        add = self.world.catalogue.add

        def swept_before(name: str, record: bytes) -> None:
            sweep(self.world.store)
            add(name, record)

        self.world.catalogue.add = swept_before  # type: ignore[method-assign]
        create(self.world, "w", self.unused)
        self.assertEqual(self.missing(self.unused), [])

    def test_announced(self) -> None:
        """A volume is not made of blocks that are about to go."""
        self.patch(sweeps, "PATIENCE_S", 0.0)
        keys = [bytes.fromhex(key) for key in self.unused]
        with sweeps.announced(self.world.store, keys):
            self.assertRaises(NoSuchBlock, create, self.world, "w", self.unused)
        self.assertEqual(self.world.store.records.names(sweeps.ROOM), [])
        create(self.world, "w", self.unused)

    def test_killed(self) -> None:
        """A sweep that died at any change leaves nothing that the next does not put right."""
        lasts, is_whole = 0, False
        while not is_whole:
            self.setUp()
            try:
                sweep(fused(self.world.store, Fuse(lasts)))
                is_whole = True
            except Killed:
                lasts += 1
            sweep(self.world.store)
            self.assertEqual(self.missing(self.used + self.unused), self.unused)
            create(self.world, "w", self.used)
        self.assertGreater(lasts, 1)

    def test_races(self) -> None:
        """Volumes are made of blocks that a sweep is about to remove, every call interleaved."""
        for seed in range(60):
            self.play(random.Random(seed))

    def play(self, chance: random.Random) -> None:
        """One history."""
        store = open_memory_store()
        keys = put(store, *"abcdef")
        baton = Baton(chance)
        world = World(stepping(store, baton.step))
        made: dict[str, list[str]] = {}

        def make() -> None:
            for number in range(4):
                chosen = chance.sample(keys, 2)
                with contextlib.suppress(NoSuchBlock):
                    create(world, f"v{number}", chosen)
                    made[f"v{number}"] = chosen

        def remove() -> None:
            for _ in range(2):
                sweep(world.store)

        baton.run({"make": make, "remove": remove})
        for name, chosen in made.items():
            self.assertEqual(content.have_blocks(store, chosen), [], name)


class FileSweepTests(SweepTests):
    """The same in files."""

    def make_store(self) -> Store:
        """A new one."""
        return open_file_store(self.mktemp())

    def test_key(self) -> None:
        """A block lies under the hash of its content."""
        self.assertEqual(self.used[0], hashlib.sha256(b"a").hexdigest())
