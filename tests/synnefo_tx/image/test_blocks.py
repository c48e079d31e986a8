"""
Block storage in memory keeps the promise that the real one keeps.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from synnefo_tx.image.blocks import IBlocks, whole_sectors
from synnefo_tx.image.memory_blocks import MemoryBlocks
from tests.synnefo_tx.image.blocks_contract import BlocksContract


class MemoryBlocksTests(BlocksContract, TestCase):
    def setUp(self) -> None:
        self.blocks = MemoryBlocks()

    def test_interface(self) -> None:
        """It provides IBlocks."""
        self.assertTrue(verifyObject(IBlocks, self.blocks))


class SectorTests(SynchronousTestCase):
    def test_whole_sectors(self) -> None:
        """Sizes are rounded up, and never to nothing."""
        self.assertEqual([whole_sectors(size) for size in (0, 1, 512, 513)], [512, 512, 512, 1024])
