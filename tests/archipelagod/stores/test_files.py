"""
The file store.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.file_objects import HANDLES, FileObjects
from archipelagod.stores.store import Store, open_file_store
from tests.contracts.blocks import blocks_tests
from tests.contracts.leases import leases_tests
from tests.contracts.object_store import object_store_tests


def make_store(case: SynchronousTestCase) -> Store:
    """A file store in a new directory."""
    return open_file_store(case.mktemp())


class FileStoreTests(object_store_tests(make_store)):  # type: ignore[misc]
    """The contract of objects and records."""


class FileBlocksTests(blocks_tests(make_store)):  # type: ignore[misc]
    """The contract of blocks."""


class FileLeasesTests(leases_tests(make_store)):  # type: ignore[misc]
    """The contract of leases."""


class FileObjectsTests(SynchronousTestCase):
    """What is special about files."""

    def test_others_may_not_look(self) -> None:
        """Only the daemon's user may look into an object, or the directories."""
        root = self.mktemp()
        store = open_file_store(root)
        store.objects.create(1 << 32)
        store.records.put("maps", "a", b"")
        for path, _, names in os.walk(root):
            for name in (path, *(f"{path}/{found}" for found in names)):
                self.assertEqual(os.stat(name).st_mode & 0o077, 0, name)

    def test_zeroed_takes_no_space(self) -> None:
        """A hole frees blocks."""
        root = self.mktemp()
        objects = FileObjects(root)
        objects.create(1 << 32)
        objects.write(1 << 32, 0, b"x" * (1 << 20))
        objects.zero(1 << 32, 0, 1 << 19)
        path = f"{root}/01/00000001/000000/00000000"
        self.assertLess(os.stat(path).st_blocks * 512, 3 << 18)

    def test_copy_keeps_holes(self) -> None:
        """A copy takes no more space than its origin."""
        root = self.mktemp()
        objects = FileObjects(root)
        objects.create(1 << 32)
        objects.write(1 << 32, 3 << 20, b"x" * 4096)
        objects.create(1 << 32 | 1)
        objects.copy_range(1 << 32, 1 << 32 | 1, 0, 4 << 20)
        path = f"{root}/01/00000001/000000/00000001"
        self.assertLess(os.stat(path).st_blocks * 512, 1 << 17)

    def test_more_objects_than_descriptors(self) -> None:
        """Objects whose descriptors were let go are opened again."""
        objects = FileObjects(self.mktemp())
        count = HANDLES + 10
        for number in range(count):
            objects.create(1 << 32 | number)
            objects.write(1 << 32 | number, 0, b"%d" % number)
        found = bytearray(4)
        for number in (0, 5, count - 1):
            size = objects.read_into(1 << 32 | number, 0, memoryview(found))
            self.assertEqual(found[:size], b"%d" % number)
