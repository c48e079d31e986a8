"""
Objects past the page cache.
"""

from __future__ import annotations

import errno
import os
import threading
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.stores import direct_objects
from archipelagod.stores.direct_objects import DirectObjects
from archipelagod.stores.store import Store, open_file_store
from tests.contracts.object_store import object_store_tests

OID = 1 << 32


def make_store(case: SynchronousTestCase) -> Store:
    """A store with direct I/O; the test is skipped where there is none."""
    try:
        return open_file_store(case.mktemp(), is_direct=True)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise SkipTest(str(error)) from error
        raise


class DirectStoreTests(object_store_tests(make_store)):  # type: ignore[misc]
    """The contract."""


class DirectObjectsTests(SynchronousTestCase):
    """What is special about direct I/O."""

    def test_beside_the_cache(self) -> None:
        """What is copied through the page cache is read past it, and the other way round."""
        store = make_store(self)
        store.objects.create(OID)
        store.objects.create(OID + 1)
        for number in range(5):
            data = bytes([number + 1]) * 3_000_001
            store.objects.write(OID, 1000, data)
            store.objects.copy_range(OID, OID + 1, 0, 4 << 20)
            found = bytearray(4 << 20)
            count = store.objects.read_into(OID + 1, 0, memoryview(found))
            self.assertEqual(found[:count].rstrip(b"\0"), bytes(1000) + data)

    def test_threads_in_one_block(self) -> None:
        """Writers of parts of one block don't undo each other."""
        store = make_store(self)
        store.objects.create(OID)

        def write(part: int) -> None:
            for number in range(100):
                store.objects.write(OID, part * 512, bytes([number]) * 512)

        threads = [threading.Thread(target=write, args=(part,)) for part in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = bytearray(8192)
        self.assertEqual(store.objects.read_into(OID, 0, memoryview(found)), 8192)
        self.assertEqual(found, bytes([99]) * 8192)

    def test_impossible(self) -> None:
        """A file system without direct I/O is refused when the store is opened."""
        opened = os.open

        def refuse(path: Any, flags: int, *rest: Any) -> int:
            if flags & os.O_DIRECT:
                raise OSError(errno.EINVAL, "no")
            return opened(path, flags, *rest)

        self.patch(direct_objects.os, "open", refuse)
        self.assertRaisesRegex(OSError, "no direct I/O", DirectObjects, self.mktemp())

    def test_past_the_cache(self) -> None:
        """It is what it says: the descriptors are direct."""
        flags = []
        opened = os.open

        def watch(path: Any, wanted: int, *rest: Any) -> int:
            flags.append(wanted & os.O_DIRECT)
            return opened(path, wanted, *rest)

        store = make_store(self)
        store.objects.create(OID)
        self.patch(direct_objects.os, "open", watch)
        store.objects.write(OID, 0, b"x")
        self.assertEqual(flags, [os.O_DIRECT])
