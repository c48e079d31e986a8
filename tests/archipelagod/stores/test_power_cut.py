"""
What a power cut takes from a store.
"""

from __future__ import annotations

import json
import os

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.address import open_store
from archipelagod.stores.power_cut import SECTOR, cut_power
from archipelagod.stores.store import Store
from archipelagod.stores.unsynced import CHANGE, Book, Note, read_books
from tests.archipelagod.stores.bare_python import said, start_python
from tests.contracts.object_store import content

OID = 1 << 32
SECTORS = 64
WRITING = """
from archipelagod.stores.address import open_store
store = open_store(sys.argv[1])
store.objects.create(9 << 32)
store.objects.write(9 << 32, 0, b"a" * 1000)
store.objects.flush([9 << 32])
store.objects.write(9 << 32, 0, b"b" * 1000)
print("written", flush=True)
sys.stdin.read()
"""


class PowerCutTests(SynchronousTestCase):
    """Flushed is there, whatever else is not."""

    def setUp(self) -> None:
        """A store of which a book is kept."""
        self.root = os.path.abspath(self.mktemp())
        self.book = f"{self.root}.book"
        with open(f"{self.root}.plan", "w") as file:
            json.dump({"unsynced": self.book}, file)
        self.address = f"file:{self.root}?faults={self.root}.plan"

    def noted(self) -> Store:
        """The store, as a daemon has it."""
        return open_store(self.address)

    def left(self, seed: int) -> Store:
        """The store after a power cut."""
        store = open_store(self.root)
        cut_power(store, self.book, seed)
        return store

    def test_flushed(self) -> None:
        """What was flushed stays, by whoever it was flushed."""
        store, other = self.noted(), self.noted()
        for oid in range(OID, OID + 4):
            store.objects.create(oid)
            store.objects.write(oid, 0, b"x" * 5000)
        store.objects.flush([OID, OID + 1])
        other.objects.flush_all()
        left = open_store(self.root)
        self.assertEqual(cut_power(left, self.book, 1), 0)
        for oid in range(OID, OID + 4):
            self.assertEqual(content(left, oid, 9000), b"x" * 5000)

    def test_unflushed_is_mixed(self) -> None:
        """Of what was not flushed each sector is old or new; all cases occur."""
        kinds = set()
        for seed in range(40):
            store = self.noted()
            oid = OID + seed
            store.objects.create(oid)
            store.objects.write(oid, 0, b"a" * SECTOR * SECTORS)
            store.objects.flush([oid])
            store.objects.write(oid, 0, b"b" * SECTOR * 8)
            store.objects.write(oid, SECTOR * 8, b"c" * SECTOR * (SECTORS - 8))
            found = content(self.left(seed), oid, SECTOR * SECTORS)
            parts = {found[at : at + SECTOR] for at in range(0, len(found), SECTOR)}
            self.assertLessEqual(parts, {letter * SECTOR for letter in (b"a", b"b", b"c")})
            kinds.add((b"a" * SECTOR in parts, len(parts) > 1))
        self.assertEqual(kinds, {(False, True), (True, False), (True, True)})

    def test_torn_note(self) -> None:
        """A note over which its writer was killed is of a change that never began."""
        directory = self.mktemp()
        book = Book(directory)
        book.note(Note(CHANGE, 1, 5, 0, 4, b"abcd"))
        book.note(Note(CHANGE, 1, 6, 4, 4, b"efgh"))
        (name,) = os.listdir(directory)
        os.truncate(f"{directory}/{name}", os.stat(f"{directory}/{name}").st_size - 1)
        self.assertEqual(read_books(directory), [Note(CHANGE, 1, 5, 0, 4, b"abcd")])

    def test_grown(self) -> None:
        """Beyond the old end an object has what was written, or zeros."""
        for seed in range(10):
            store = self.noted()
            store.objects.create(OID + seed)
            store.objects.write(OID + seed, 0, b"a" * 100)
            store.objects.flush([OID + seed])
            store.objects.write(OID + seed, 50, b"b" * 2000)
            found = content(self.left(seed), OID + seed, 4000).ljust(2050, b"\0")
            self.assertEqual(found[:50], b"a" * 50)
            self.assertIn(found[50:512], (b"a" * 50 + bytes(412), b"b" * 462))
            self.assertIn(found[512:1024], (bytes(512), b"b" * 512))

    def test_created_and_removed(self) -> None:
        """An object that was made may be gone, one that was removed may be back."""
        outcomes = set()
        for seed in range(30):
            store = self.noted()
            made, gone = OID + 2 * seed, OID + 2 * seed + 1
            store.objects.create(gone)
            store.objects.write(gone, 0, b"x" * 100)
            store.objects.flush([gone])
            store.objects.remove(gone)
            store.objects.create(made)
            left = self.left(seed)
            there = set(left.objects.of_session(1))
            outcomes.add((made in there, gone in there))
            if gone in there:
                self.assertEqual(content(left, gone, 200), b"x" * 100)
        self.assertEqual(len(outcomes), 4)

    def test_logs(self) -> None:
        """A log ends between what was stable and what was appended, or in zeros."""
        sizes = set()
        for seed in range(30):
            log = self.noted().records.log("journals", "1", b"0" * 10, replaces=True)
            log.append(b"1" * 20)
            log.sync()
            log.append(b"2" * 30)
            log.close()
            found = self.left(seed).records.get("journals", "1")
            self.assertEqual(found[:30], b"0" * 10 + b"1" * 20)
            self.assertEqual(found[30:].lstrip(b"2").strip(b"\0"), b"")
            sizes.add(len(found.rstrip(b"\0")))
        self.assertGreater(len(sizes), 5)

    def test_restarted_logs(self) -> None:
        """A log that began anew has what was synced since, and then parts of two ages."""
        kinds = set()
        for seed in range(60):
            log = self.noted().records.log("journals", "1", b"0" * 10, replaces=True)
            log.append(b"1" * SECTOR * 9)
            log.restart(b"2" * 10)
            log.append(b"3" * 20)
            log.sync()
            log.append(b"4" * SECTOR * 5)
            log.close()
            found = self.left(seed).records.get("journals", "1").rstrip(b"\0")
            self.assertEqual(found[:30], b"2" * 10 + b"3" * 20)
            self.assertEqual(found[30 + SECTOR * 5 :], b"1" * (SECTOR * 4 - 20))
            tail = found[30 : 30 + SECTOR * 5]
            self.assertLessEqual(set(tail), set(b"14"))
            kinds.add(tail.lstrip(b"4").lstrip(b"1") == b"")
        self.assertEqual(kinds, {True, False})

    def test_restart_cut_short(self) -> None:
        """A log is what it was, or begins anew; never with a part of each start."""
        found = set()
        for seed in range(40):
            log = self.noted().records.log("journals", "1", b"0" * 10, replaces=True)
            log.append(b"1" * 2000)
            log.sync()
            log._note_change(0, 10)  # type: ignore[attr-defined] -- and the power goes
            log._log.restart(b"2" * 10)  # type: ignore[attr-defined]
            log.close()
            left = self.left(seed).records.get("journals", "1").rstrip(b"\0")
            self.assertEqual(left[10:], b"1" * 2000)
            found.add(left[:10])
        self.assertEqual(found, {b"0" * 10, b"2" * 10})

    def test_records_stay(self) -> None:
        """Records are stable, also where a log was before."""
        store = self.noted()
        store.records.log("journals", "1", b"").append(b"lost")
        store.records.put("journals", "1", b"whole value")
        store.records.log("journals", "2", b"").append(b"x")
        store.records.remove("journals", "2")
        left = self.left(1)
        self.assertEqual(left.records.get("journals", "1"), b"whole value")
        self.assertEqual(left.records.names("journals"), ["1"])

    def test_killed_processes(self) -> None:
        """The book outlives its process."""
        process = start_python(self, WRITING, self.address)
        self.assertEqual(said(process), "written")
        process.kill()
        process.wait()
        left = open_store(self.root)
        self.assertEqual(content(left, 9 << 32, 2000), b"b" * 1000)
        self.assertEqual(cut_power(left, self.book, 2), 1)
        found = content(left, 9 << 32, 2000).rstrip(b"\0")
        self.assertEqual((len(found), set(found) - set(b"ab")), (1000, set()))
        self.assertEqual(os.listdir(self.book), [])
