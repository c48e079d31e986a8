"""
The file store on file systems that share blocks between files: xfs and btrfs, of our own.

SYNNEFO_FILE_SYSTEMS=1: with the whole contract of stores.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
import time
from functools import cache

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.stores.file_objects import FileObjects
from archipelagod.stores.store import Store, open_file_store
from archipelagod.stores.system_calls import sync_file_system
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import BLOCK_BYTES, OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from tests.chaos.mounts import LoopMount, cannot_loop
from tests.contracts.blocks import blocks_tests
from tests.contracts.leases import leases_tests
from tests.contracts.object_store import object_store_tests

SIZE_BYTES = 1 << 30
OID = 1 << 32
_numbers = itertools.count()


@cache
def mounted(kind: str) -> tuple[str, str]:
    """
    Where such a file system is mounted until Python ends; or "" and why it is not.
    """
    directory = tempfile.mkdtemp(prefix=kind)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    reason = cannot_loop(directory, kind)
    if reason is not None:
        return "", reason
    mount = LoopMount(f"{directory}/m", SIZE_BYTES, kind=kind)
    atexit.register(mount.end)
    return mount.path, ""


def fresh_directory(kind: str) -> str:
    """A directory there.  Raises SkipTest."""
    path, reason = mounted(kind)
    if reason:
        raise SkipTest(reason)
    return f"{path}/{next(_numbers)}"


def empty_store(kind: str) -> Store:
    """A store there, for the contract.  Raises SkipTest."""
    if not os.environ.get("SYNNEFO_FILE_SYSTEMS"):
        raise SkipTest("takes a while: SYNNEFO_FILE_SYSTEMS=1")
    return open_file_store(fresh_directory(kind))


def on_xfs(_: SynchronousTestCase) -> Store:
    """An empty store."""
    return empty_store("xfs")


def on_btrfs(_: SynchronousTestCase) -> Store:
    """An empty store."""
    return empty_store("btrfs")


class XfsTests(object_store_tests(on_xfs)):  # type: ignore[misc]
    """The contract of objects and records."""


class XfsBlocksTests(blocks_tests(on_xfs)):  # type: ignore[misc]
    """The contract of blocks."""


class XfsLeasesTests(leases_tests(on_xfs)):  # type: ignore[misc]
    """The contract of leases."""


class BtrfsTests(object_store_tests(on_btrfs)):  # type: ignore[misc]
    """The contract of objects and records."""


class BtrfsBlocksTests(blocks_tests(on_btrfs)):  # type: ignore[misc]
    """The contract of blocks."""


class BtrfsLeasesTests(leases_tests(on_btrfs)):  # type: ignore[misc]
    """The contract of leases."""


class SharedBlocksTests(SynchronousTestCase):
    """What such a file system makes cheap."""

    def free(self, path: str) -> int:
        """Bytes that are free there, once everything is where it belongs."""
        sync_file_system(path)
        return shutil.disk_usage(path).free

    def _copied(self, kind: str) -> None:
        path = fresh_directory(kind)
        objects = FileObjects(path)
        objects.create(OID)
        objects.write(OID, 0, os.urandom(OBJECT_BYTES))
        objects.flush([OID])
        before = self.free(path)
        for number in range(1, 9):
            objects.create(OID + number)
            objects.copy_range(OID, OID + number, 0, OBJECT_BYTES)
        objects.flush(range(OID + 1, OID + 9))
        self.assertLess(before - self.free(path), 2 * OBJECT_BYTES)

    def test_xfs(self) -> None:
        """Eight copies of an object take no space for content."""
        self._copied("xfs")

    def test_btrfs(self) -> None:
        """The same."""
        self._copied("btrfs")

    def _first_write(self, kind: str) -> None:
        store = open_file_store(fresh_directory(kind))
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        catalogue.create("v", OBJECT_BYTES)
        volume = open_volume(store, "v", sessions.fresh())
        content = os.urandom(OBJECT_BYTES)
        volume.write(0, content)
        volume.close()
        catalogue.snapshot("v", "s")
        catalogue.clone("s", "c")
        clone = open_volume(store, "c", sessions.fresh())
        clone.write(5 * BLOCK_BYTES + 7, b"first")
        clone.flush()
        found = bytearray(OBJECT_BYTES)
        clone.read_into(0, memoryview(found))
        at = 5 * BLOCK_BYTES + 7
        self.assertEqual(bytes(found), content[:at] + b"first" + content[at + 5 :])
        self.assertEqual(clone.usage().own, BLOCK_BYTES)
        clone.own(0, OBJECT_BYTES)
        clone.read_into(0, memoryview(found))
        self.assertEqual(bytes(found), content[:at] + b"first" + content[at + 5 :])
        clone.close()

    def test_first_write_xfs(self) -> None:
        """A first write to a clone takes one block of it, and what it has is right, also whole."""
        self._first_write("xfs")

    def test_first_write_btrfs(self) -> None:
        """The same."""
        self._first_write("btrfs")
