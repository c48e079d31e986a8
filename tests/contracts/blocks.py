"""
What every store must do with content-addressed blocks.  ``blocks_tests(make_store)`` is a TestCase.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from archipelagod.stores.block_keys import EMPTY
from archipelagod.stores.declarations import declared
from archipelagod.stores.interface import IBlocks
from archipelagod.stores.store import Store
from archipelagod.wire.errors import BlockDamaged


def key_of(data: bytes) -> bytes:
    """
    The key of a block with that content.
    """
    return hashlib.sha256(data.rstrip(b"\0")).digest()


def blocks_tests(  # noqa: C901 - a class of small tests
    make_store: Callable[[SynchronousTestCase], Store],
) -> type[SynchronousTestCase]:
    """
    The suite for one kind of store; as ``object_store_tests``.
    """

    class BlocksTests(SynchronousTestCase):
        """
        The contract of IBlocks.
        """

        def setUp(self) -> None:
            """Blocks."""
            self.assertTrue(declared)
            self.blocks = make_store(self).blocks

        def put(self, data: bytes) -> bytes:
            """The key of a block that is put."""
            self.blocks.put(key_of(data), data)
            return key_of(data)

        def test_interface(self) -> None:
            """They provide their interface."""
            verifyObject(IBlocks, self.blocks)

        def test_put(self) -> None:
            """A block is there once it was put; putting it again tells that it was."""
            self.assertTrue(self.blocks.put(key_of(b"hello"), b"hello"))
            self.assertFalse(self.blocks.put(key_of(b"hello"), b"hello"))
            self.assertEqual(self.blocks.get(key_of(b"hello")), b"hello")

        def test_zeros_at_the_end(self) -> None:
            """Zeros at the end are neither kept nor part of the name."""
            key = self.put(b"hello" + bytes(100))
            self.assertEqual(key, key_of(b"hello"))
            self.assertEqual(self.blocks.get(key), b"hello")
            self.assertFalse(self.blocks.put(key, b"hello"))

        def test_empty(self) -> None:
            """The block of zeros is there, and never kept."""
            self.assertFalse(self.blocks.put(EMPTY, bytes(4096)))
            self.assertEqual(self.blocks.get(EMPTY), b"")
            self.assertEqual(self.blocks.have([EMPTY]), [])
            self.assertEqual(self.blocks.keys(), [])
            self.assertEqual(self.blocks.read_into(EMPTY, 0, memoryview(bytearray(9))), 0)
            self.assertEqual(self.blocks.space(EMPTY), 0)
            self.assertIsNone(self.blocks.fd(EMPTY))
            self.blocks.remove(EMPTY)
            self.blocks.prefetch(EMPTY, 0, 9)
            self.assertLess(abs(self.blocks.stamp(EMPTY) - time.time()), 60)

        def test_absent(self) -> None:
            """What was not put is not there."""
            key = key_of(b"nothing")
            for method in (self.blocks.get, self.blocks.space, self.blocks.stamp, self.blocks.fd):
                self.assertRaises(FileNotFoundError, method, key)
            view = memoryview(bytearray(9))
            self.assertRaises(FileNotFoundError, self.blocks.read_into, key, 0, view)
            self.blocks.remove(key)
            self.blocks.prefetch(key, 0, 9)

        def test_read(self) -> None:
            """A part can be read; it is short at the end."""
            key = self.put(b"0123456789")
            found = bytearray(8)
            self.assertEqual(self.blocks.read_into(key, 4, memoryview(found)), 6)
            self.assertEqual(found[:6], b"456789")
            if self.blocks.read_now(key, 1, memoryview(found)):
                self.assertEqual(found, b"12345678")
            self.assertFalse(self.blocks.read_now(key, 4, memoryview(found)))
            self.blocks.prefetch(key, 0, 10)

        def test_fd(self) -> None:
            """A descriptor, if there is one, is the block."""
            fd = self.blocks.fd(self.put(b"hello"))
            if fd is not None:
                self.assertEqual(os.pread(fd, 9, 0), b"hello")

        def test_have(self) -> None:
            """The missing of many are told, each once, in order."""
            there = [self.put(b"%d" % number) for number in range(50)]
            missing = [key_of(b"no %d" % number) for number in range(50)]
            asked = [key for pair in zip(there, missing, strict=True) for key in pair]
            self.assertEqual(self.blocks.have([*asked, *asked]), missing)

        def test_remove(self) -> None:
            """A removed block is missing, and can be put again."""
            key = self.put(b"hello")
            self.blocks.remove(key)
            self.blocks.remove(key)
            self.assertEqual(self.blocks.have([key]), [key])
            self.assertTrue(self.blocks.put(key, b"hello"))

        def test_keys(self) -> None:
            """Keys come sorted, in pages."""
            put = sorted(self.put(b"%d" % number) for number in range(300))
            found: list[bytes] = []
            while page := self.blocks.keys(found[-1] if found else b"", 70):
                found += page
            self.assertEqual(found, put)
            self.assertEqual(self.blocks.keys(), put)
            self.assertEqual(self.blocks.keys(put[10][:5]), put[10:])

        def test_damaged(self) -> None:
            """A block that is not what its key says is not given out."""
            self.blocks.put(key_of(b"other"), b"hello")
            self.assertRaises(BlockDamaged, self.blocks.get, key_of(b"other"))

        def test_damaged_is_replaced(self) -> None:
            """A block of a wrong length makes room for the right one."""
            key = key_of(b"0123456789")
            self.blocks.put(key, b"01234")
            self.assertTrue(self.blocks.put(key, b"0123456789"))
            self.assertEqual(self.blocks.get(key), b"0123456789")

        def test_space_and_stamp(self) -> None:
            """A block takes space, and tells when it was put."""
            key = self.put(b"x" * 8192)
            self.assertGreaterEqual(self.blocks.space(key), 8192)
            self.assertLess(abs(self.blocks.stamp(key) - time.time()), 60)

        def test_put_by_many(self) -> None:
            """Many that put the same block have it there once each returns."""
            data = os.urandom(100_000).rstrip(b"\0")
            key = key_of(data)

            def put(_: int) -> tuple[bool, bytes]:
                return self.blocks.put(key, data), self.blocks.get(key)

            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(put, range(16)))
            self.assertTrue(any(is_new for is_new, _ in found))
            self.assertEqual({content for _, content in found}, {data})

    return BlocksTests
