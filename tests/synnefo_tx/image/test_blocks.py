"""
Block storage in memory and the storage daemon keep the same promise.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from archipelagod.wire.client import BlockClient
from synnefo_tx.image.blocks import IBlocks, whole_sectors
from synnefo_tx.image.memory_blocks import MemoryBlocks
from tests.synnefo_tx.image.blocks_contract import BlocksContract
from tests.synnefo_tx.image.storage import storage


class MemoryBlocksTests(BlocksContract, TestCase):
    def setUp(self) -> None:
        self.blocks = MemoryBlocks()

    def test_interface(self) -> None:
        """It provides IBlocks."""
        self.assertTrue(verifyObject(IBlocks, self.blocks))


class StorageDaemonTests(BlocksContract, TestCase):
    def setUp(self) -> None:
        self.blocks = storage().client(self, reactor)

    def test_interface(self) -> None:
        """The client provides IBlocks; it can't say so, for it may not import us."""
        self.assertIsInstance(self.blocks, BlockClient)
        self.assertTrue(verifyObject(IBlocks, self.blocks, tentative=True))


class SectorTests(SynchronousTestCase):
    def test_whole_sectors(self) -> None:
        """Sizes are rounded up, and never to nothing."""
        self.assertEqual([whole_sectors(size) for size in (0, 1, 512, 513)], [512, 512, 512, 1024])
