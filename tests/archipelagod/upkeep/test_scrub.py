"""
Checking all that is stored.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_file_store, open_memory_store
from archipelagod.upkeep.findings import KEPT, Finding, State
from archipelagod.upkeep.scrub import Scrub, position
from archipelagod.volume import content, journal, slots
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.volume.stored_map import MAPS
from tests.archipelagod.upkeep.test_reclaim import World


def scrub(store: Store, most: int = 10**9, keep_every: int = 5000) -> State:
    """At most so many steps."""
    work = Scrub(store, time.time, -60, keep_every)
    steps = work.steps()
    for _, _step in zip(range(most), steps, strict=False):
        done, total = work.progress()
        assert 0 <= done <= total
    steps.close()
    return work.state


def kinds(state: State) -> list[tuple[str, str]]:
    """Kind and place of all that was found."""
    return [(finding.kind, finding.where) for finding in state.findings]


class ScrubTests(SynchronousTestCase):
    """Scrub."""

    def make_store(self) -> Store:
        """A new one."""
        return open_memory_store()

    def setUp(self) -> None:
        """Volumes with bodies, partial objects and blocks, one of them deleted."""
        self.patch(slots, "DELTA_LIMIT", 0)
        self.world = World(self.make_store())
        self.store = self.world.store
        self.world.image("i")
        self.world.catalogue.clone("i", "c")
        self.small_write("c", 5)
        self.world.catalogue.snapshot("i-base", "gone")
        self.world.catalogue.delete("gone")
        self.keys = [content.put_block(self.store, text) for text in (b"a", b"b")]
        size = 2 * OBJECT_BYTES
        catalogue = self.world.catalogue
        content.create_from_hashes(catalogue, "k", size, self.keys, is_read_only=False)
        self.small_write("k", OBJECT_BYTES + 5)

    def small_write(self, name: str, offset: int) -> None:
        """A few bytes."""
        volume = open_volume(self.store, name, self.world.sessions.fresh())
        volume.write(offset, b"new")
        volume.close()

    def test_well(self) -> None:
        """Nothing is wrong, and nothing was changed."""
        before = self.everything()
        state = scrub(self.store)
        self.assertEqual(kinds(state), [])
        self.assertEqual((state.maps, state.blocks), (5, 2))
        self.assertEqual(self.everything(), before)

    def everything(self) -> list[Any]:
        """Names of all that there is, and what maps say."""
        rooms = ("maps", "deleted", "bodies", "journals", "upkeep")
        records = {room: self.store.records.names(room) for room in rooms}
        maps = [self.store.records.get(MAPS, name) for name in records["maps"]]
        return [records, maps, sorted(self.world.objects), self.store.blocks.keys()]

    def test_open_volume(self) -> None:
        """What an open volume let go is not missed."""
        volume = open_volume(self.store, "c", self.world.sessions.fresh())
        volume.write(0, b"x" * OBJECT_BYTES)
        volume.flush()
        volume.zero(0, 2 * OBJECT_BYTES)
        volume.flush()
        self.assertEqual(kinds(scrub(self.store)), [])
        volume.close()

    def test_lost_object(self) -> None:
        """It is told once, though several volumes need it."""
        oid = min(self.world.needed)
        self.store.objects.remove(oid)
        found = kinds(scrub(self.store))
        self.assertIn(("lost_object", f"{oid:016x}"), found)

    def test_lost_parent(self) -> None:
        """The object below a partial one."""
        header = self.world.catalogue.header("c")
        own = {oid for oid in self.world.objects if oid >> 32 >= header.own_from}
        parents = self.world.needed - own
        self.world.catalogue.delete("i")
        self.world.catalogue.delete("i-base")
        self.store.objects.remove(min(parents))
        found = scrub(self.store)
        self.assertEqual(kinds(found)[0], ("lost_object", f"{min(parents):016x}"))
        self.assertIn("c, index 0", found.findings[0].detail)

    def test_damaged_map(self) -> None:
        """A record, of a deleted map too; nothing is said of orphans then."""
        for room in ("maps", "deleted"):
            name = self.store.records.names(room)[0]
            record = bytearray(self.store.records.get(room, name))
            record[-1] ^= 1
            self.store.records.put(room, name, bytes(record))
        found = scrub(self.store)
        self.assertEqual(found.counts, {"damaged_map": 2})

    def test_damaged_body(self) -> None:
        """A body that is not what its maps say, or not there."""
        header = self.world.catalogue.header("c")
        name = body_name(header.body)
        body = bytearray(self.store.records.get(BODIES, name))
        body[0] ^= 1
        self.store.records.put(BODIES, name, bytes(body))
        self.assertIn(("damaged_body", "c"), kinds(scrub(self.store)))
        self.store.records.remove(BODIES, name)
        self.assertIn(("damaged_body", "c"), kinds(scrub(self.store)))

    def test_blocks(self) -> None:
        """A block that is lost, and one that is not what its name says."""
        lost, damaged = (bytes.fromhex(key) for key in self.keys)
        self.store.blocks.remove(lost)
        self.store.blocks.remove(damaged)
        self.store.blocks.put(damaged, b"something else")
        found = scrub(self.store)
        wanted = {("lost_block", lost.hex()), ("damaged_block", damaged.hex())}
        self.assertEqual(set(kinds(found)), wanted)

    def test_journal_and_orphans(self) -> None:
        """What nothing refers to is told, and stays."""
        oid = self.world.sessions.fresh() << 32
        self.store.objects.create(oid)
        self.store.records.put(BODIES, "00000fff00000000", b"x")
        uid = self.world.sessions.fresh()
        start = journal.pack(journal.START, uid, uid << 32, 1)
        self.store.records.put(journal.ROOM, journal.journal_name(uid), start)
        for _ in range(2):
            found = set(kinds(scrub(self.store)))
            self.assertIn(("orphaned_object", f"{oid:016x}"), found)
            self.assertIn(("orphaned_body", "00000fff00000000"), found)
            self.assertIn(("orphaned_journal", journal.journal_name(uid)), found)
            self.assertEqual(len(found), 3)
        self.store.records.put(journal.ROOM, journal.journal_name(uid), b"nonsense")
        self.assertIn(("damaged_journal", journal.journal_name(uid)), kinds(scrub(self.store)))

    def test_interrupted(self) -> None:
        """Whenever it is interrupted it goes on, and says the same in the end."""
        self.store.objects.remove(min(self.world.needed))
        self.store.blocks.remove(bytes.fromhex(self.keys[0]))
        wanted = scrub(self.store)
        for most in (1, 3, 10, 20):
            rounds = 0
            while True:
                rounds += 1
                found = scrub(self.store, most + rounds, keep_every=1)
                if position(self.store) is None:
                    break
            self.assertGreater(rounds, 1)
            self.assertEqual(set(kinds(found)), set(kinds(wanted)))
            self.assertEqual((found.maps, found.blocks), (wanted.maps, wanted.blocks))

    def test_many_findings(self) -> None:
        """All are counted, some are told."""
        state = State()
        for number in range(KEPT + 5):
            state.add(Finding("lost_object", f"{number:016x}"))
        summary = state.summary()
        self.assertEqual(summary["total"], KEPT + 5)
        self.assertEqual(len(summary["findings"]), KEPT)
        self.assertEqual(summary["counts"], {"lost_object": KEPT + 5})


class FileScrubTests(ScrubTests):
    """The same in files."""

    def make_store(self) -> Store:
        """A new one."""
        return open_file_store(self.mktemp())
