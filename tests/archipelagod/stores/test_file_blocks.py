"""
Blocks as files.
"""

from __future__ import annotations

import hashlib
import os
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.file_blocks import FileBlocks
from archipelagod.wire.errors import BlockDamaged

DATA = b"0123456789" * 1000
KEY = hashlib.sha256(DATA).digest()


class FileBlocksTests(SynchronousTestCase):
    """What is special about files."""

    def setUp(self) -> None:
        """A block."""
        self.root = self.mktemp()
        self.blocks = FileBlocks(self.root)
        self.blocks.put(KEY, DATA)
        name = KEY.hex()
        self.path = f"{self.root}/{name[:2]}/{name[2:4]}/{name}"

    def test_truncated(self) -> None:
        """A block that was cut off is not given out, and is made whole by putting it again."""
        os.truncate(self.path, 5000)
        self.assertRaises(BlockDamaged, self.blocks.get, KEY)
        self.assertTrue(self.blocks.put(KEY, DATA))
        self.assertEqual(self.blocks.get(KEY), DATA)
        found = bytearray(len(DATA))
        self.assertEqual(self.blocks.read_into(KEY, 0, memoryview(found)), len(DATA))

    def test_flipped(self) -> None:
        """A block with a wrong bit is not given out."""
        with open(self.path, "r+b") as file:
            file.write(b"1")
        self.assertRaises(BlockDamaged, self.blocks.get, KEY)

    def test_young_again(self) -> None:
        """A block that somebody counts on is as young as if it was put now."""
        for count_on in (
            lambda: self.blocks.put(KEY, DATA),
            lambda: self.blocks.have([KEY]),
        ):
            os.utime(self.path, (1000, 1000))
            self.assertEqual(self.blocks.stamp(KEY), 1000)
            count_on()
            self.assertLess(abs(self.blocks.stamp(KEY) - time.time()), 60)

    def test_unfinished(self) -> None:
        """What is not finished is no block."""
        self.assertEqual(os.listdir(f"{self.root}/~"), [])
        with open(f"{self.root}/~/0badc0de.1.1", "wb") as file:
            file.write(b"half")
        self.assertEqual(self.blocks.keys(), [KEY])

    def test_many(self) -> None:
        """Thousands of keys are asked for quickly."""
        keys = [hashlib.sha256(b"%d" % number).digest() for number in range(10_000)]
        began_s = time.process_time()
        self.assertEqual(len(self.blocks.have(keys)), 10_000)
        self.assertLess(time.process_time() - began_s, 0.5)
