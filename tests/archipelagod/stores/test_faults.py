"""
A store that fails.
"""

from __future__ import annotations

import errno
import json
import os
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.address import open_store
from archipelagod.stores.interface import IBlocks, ILeases, IObjects, IRecords
from archipelagod.stores.store import Store
from tests.archipelagod.stores.bare_python import start_python
from tests.contracts.blocks import blocks_tests
from tests.contracts.leases import leases_tests
from tests.contracts.object_store import content, object_store_tests

OID = 1 << 32


def planned_store(case: SynchronousTestCase, *rules: dict[str, Any], unsynced: str = "") -> Store:
    """A file store with the faults."""
    root = os.path.abspath(case.mktemp())
    write_plan(f"{root}.plan", *rules, unsynced=unsynced)
    return open_store(f"file:{root}?faults={root}.plan")


def write_plan(path: str, *rules: dict[str, Any], unsynced: str = "") -> None:
    """A plan takes the place of another, as one that a daemon reads must."""
    with open(f"{path}.new", "w") as file:
        json.dump({"seed": 1, "rules": rules, "unsynced": unsynced}, file)
    os.rename(f"{path}.new", path)


def noted_store(case: SynchronousTestCase) -> Store:
    """A store with no faults, of which a book is kept."""
    return planned_store(case, unsynced=os.path.abspath(case.mktemp()))


class NotedStoreTests(object_store_tests(noted_store)):  # type: ignore[misc]
    """A store of which a book is kept does what others do."""

    def test_interface(self) -> None:
        """Its classes are made at run time: they have all that the interfaces ask for."""
        for part, wanted in ((self.store.objects, IObjects), (self.store.records, IRecords)):
            for name in wanted:
                self.assertTrue(callable(getattr(part, name)), name)


class FaultlessBlocksTests(blocks_tests(planned_store)):  # type: ignore[misc]
    """Without rules nothing fails."""

    def test_interface(self) -> None:
        """Its class is made at run time: it has all that the interface asks for."""
        for name in IBlocks:
            self.assertTrue(callable(getattr(self.blocks, name)), name)


class FaultlessLeasesTests(leases_tests(planned_store)):  # type: ignore[misc]
    """Without rules nothing fails."""

    def test_interface(self) -> None:
        """Its class is made at run time: it has all that the interface asks for."""
        for name in ILeases:
            self.assertTrue(callable(getattr(self.leases, name)), name)


class FaultsTests(SynchronousTestCase):
    """What befalls calls."""

    def failing(self, number: int, call: Any, *arguments: Any) -> None:
        """The call raises OSError with that number."""
        self.assertEqual(self.assertRaises(OSError, call, *arguments).errno, number)

    def test_error(self) -> None:
        """A call that fails is not made; others are."""
        store = planned_store(self, {"calls": ["objects.write"], "error": "ENOSPC"})
        store.objects.create(OID)
        self.failing(errno.ENOSPC, store.objects.write, OID, 0, b"x")
        self.assertEqual(content(store, OID, 9), b"")

    def test_skip_and_times(self) -> None:
        """A rule spares the first, strikes so often, and is over."""
        rule = {"calls": ["objects.*"], "error": "EIO", "skip": 2, "times": 1}
        store = planned_store(self, rule)
        store.objects.create(OID)
        store.objects.write(OID, 0, b"x")
        self.failing(errno.EIO, store.objects.flush, [OID])
        store.objects.flush([OID])

    def test_chance(self) -> None:
        """A rule strikes about as often as it says."""
        store = planned_store(self, {"calls": ["records.get"], "error": "EIO", "chance": 0.3})
        store.records.put("maps", "a", b"")
        failed = 0
        for _ in range(300):
            try:
                store.records.get("maps", "a")
            except OSError:
                failed += 1
        self.assertTrue(50 < failed < 130, failed)

    def test_delay(self) -> None:
        """A call may only be late."""
        store = planned_store(self, {"calls": ["blocks.have"], "delay_s": 0.1})
        began_s = time.monotonic()
        self.assertEqual(store.blocks.have([]), [])
        self.assertGreater(time.monotonic() - began_s, 0.09)

    def test_torn(self) -> None:
        """A torn write is made in part, in whole sectors, then fails."""
        rule = {"calls": ["objects.write"], "error": "EIO", "moment": "torn", "times": 1}
        store = planned_store(self, rule)
        store.objects.create(OID)
        self.failing(errno.EIO, store.objects.write, OID, 0, b"x" * (512 * 1000))
        written = len(content(store, OID, 512 * 1001))
        self.assertTrue(0 < written < 512 * 1000)
        self.assertEqual(written % 512, 0)

    def test_after(self) -> None:
        """A call may be made, and only its answer be an error."""
        rule = {"calls": ["records.create"], "error": "EIO", "moment": "after"}
        store = planned_store(self, rule)
        self.failing(errno.EIO, store.records.create, "maps", "a", b"A")
        self.assertEqual(store.records.get("maps", "a"), b"A")

    def test_logs_and_leases(self) -> None:
        """What calls return fails, too."""
        store = planned_store(self, {"calls": ["log.sync", "lease.check"], "error": "EIO"})
        log = store.records.log("journals", "1", b"")
        log.append(b"x")
        self.failing(errno.EIO, log.sync)
        self.failing(errno.EIO, store.leases.acquire("v", b"me").check)

    def test_changed_plan(self) -> None:
        """A plan that changes counts at once."""
        root = os.path.abspath(self.mktemp())
        write_plan(f"{root}.plan")
        store = open_store(f"file:{root}?faults={root}.plan")
        store.objects.create(OID)
        write_plan(f"{root}.plan", {"calls": ["*"], "error": "EIO"})
        self.failing(errno.EIO, store.objects.write, OID, 0, b"x")
        write_plan(f"{root}.plan")
        store.objects.write(OID, 0, b"x")

    def test_killed(self) -> None:
        """A call may be a process's last, with part of an append made."""
        root = os.path.abspath(self.mktemp())
        rule = {"calls": ["log.append"], "kill": True, "moment": "torn", "skip": 3}
        write_plan(f"{root}.plan", rule)
        program = (
            "from archipelagod.stores.address import open_store\n"
            "log = open_store(sys.argv[1]).records.log('journals', '1', b'')\n"
            "for _ in range(9): log.append(b'0123456789' * 10)\n"
        )
        process = start_python(self, program, f"file:{root}?faults={root}.plan")
        self.assertEqual(process.wait(), -9)
        size = len(open_store(root).records.get("journals", "1").rstrip(b"\0"))
        self.assertTrue(300 <= size < 400, size)

    def test_no_descriptors(self) -> None:
        """Nobody gets past the faults."""
        store = planned_store(self)
        store.objects.create(OID)
        self.assertIsNone(store.objects.fd(OID))

    def test_bad_plans(self) -> None:
        """A plan that makes no sense is refused when the store is opened."""
        for rule in (
            {"call": ["x"]},
            {"calls": [], "error": "EWHAT"},
            {"calls": [], "moment": "never"},
        ):
            self.assertRaises(ValueError, planned_store, self, rule)
