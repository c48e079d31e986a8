"""
A disk of plain files that the loop in C serves, for its tests.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.archipelagod.datapath.disk import OBJECT, Disk
from tests.archipelagod.datapath.loop_client import Nbd, Pair


class Served(SynchronousTestCase):
    """A disk, and one connection to it."""

    kinds: ClassVar[list[str]] = ["own", "own"]

    def setUp(self) -> None:
        """The disk."""
        self.disk = Disk(self.kinds, len(self.kinds) * OBJECT, limit=4)
        self.table = self.disk.table
        self.protocol = Nbd(is_structured=False)
        self.pair = self.connect()

    def connect(self) -> Pair:
        """One more connection."""
        pair = Pair(self.disk, self.protocol)
        self.addCleanup(pair.close)
        return pair

    def write(self, offset: int, data: bytes, pair: Pair | None = None) -> None:
        """A write that is answered."""
        pair = pair or self.pair
        pair.send(self.protocol.write(1, offset, data))
        self.protocol.reply(pair.take, {})

    def read(self, offset: int, size: int) -> bytes:
        """A read that is answered."""
        self.pair.send(self.protocol.read(1, offset, size))
        return self.protocol.reply(self.pair.take, {1: size})[1]
