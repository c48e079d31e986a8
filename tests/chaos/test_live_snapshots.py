"""
Snapshots of a volume that guests write: each is the content of one moment.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.daemon import Daemon
from tests.chaos.judging import wrong
from tests.chaos.load import Load, attached
from tests.chaos.model import Disk
from tests.chaos.origins import frozen
from tests.chaos.verdicts import content
from tests.chaos.world import World

SIZE = 9 << 20
SNAPSHOTS = 12


class LiveSnapshotTests(SynchronousTestCase):
    """Two connections write all the time."""

    def setUp(self) -> None:
        """The daemon."""
        directory = tempfile.mkdtemp(prefix="live")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.daemon = Daemon(directory)
        self.addCleanup(self.daemon.end)
        self.daemon.start()
        self.control = self.daemon.control()
        self.addCleanup(self.control.close)

    def test_over_nbd(self) -> None:
        """Over NBD."""
        self._snapshots(is_block=False)

    def test_over_block_protocol(self) -> None:
        """Over the block protocol."""
        self._snapshots(is_block=True)

    def _snapshots(self, *, is_block: bool) -> None:
        self.control.create("v", SIZE)
        disk, world = Disk("v", 1, SIZE), World()
        loads = [
            Load(world, disk, attached(self.daemon, "v", is_block=is_block), seed, SIZE)
            for seed in (random.randrange(1 << 32), random.randrange(1 << 32))
        ]
        for load in loads:
            load.start()
        for number in range(SNAPSHOTS):
            start_s = time.monotonic()
            self.control.snapshot("v", f"s{number}")
            self.check(frozen(disk, f"s{number}", 2 + number, start_s))
            self.control.delete(f"s{number}")
        for load in loads:
            load.is_stopped = True
            load.join(60)
            self.assertIsNone(load.failure)
            self.assertEqual(load.errors, 0)

    def check(self, snapshot: Disk) -> None:
        """It holds what its volume held at one moment."""
        connection = attached(self.daemon, snapshot.name)
        found, bad = content(connection.read, connection.size_bytes)
        connection.leave()
        self.assertEqual(bad, [])
        seen = {snapshot.name: (connection.size_bytes, found)}
        self.assertEqual(wrong(snapshot.name, snapshot, seen), [])
