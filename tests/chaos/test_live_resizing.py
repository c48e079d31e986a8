"""
A volume that changes its size while guests write it.
"""

from __future__ import annotations

import random
import shutil
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.blocks import WRITE
from tests.chaos.daemon import Daemon
from tests.chaos.judging import wrong
from tests.chaos.load import Load, attached
from tests.chaos.model import Disk
from tests.chaos.stamps import BLOCK, stamp
from tests.chaos.verdicts import content
from tests.chaos.world import World

MIB = 1 << 20
KEPT = 4 * MIB + 40 * BLOCK  # the guest at work stays below
TURNS = 6


class LiveResizingTests(SynchronousTestCase):
    """One guest writes below, another comes and goes above."""

    def test_no_old_bytes(self) -> None:
        """What was cut off never comes back; what stayed is untouched, also after a death."""
        directory = tempfile.mkdtemp(prefix="size")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        daemon = Daemon(directory)
        self.addCleanup(daemon.end)
        daemon.start()
        control = daemon.control()
        control.create("v", KEPT)
        disk = Disk("v", 1, KEPT)
        load = Load(World(), disk, attached(daemon, "v"), random.randrange(1 << 32), KEPT)
        load.start()
        for _ in range(TURNS):
            size = random.choice([9 * MIB, 12 * MIB, 12 * MIB + BLOCK])
            control.resize("v", size)
            disk.size_bytes = size
            self.write_above(daemon, disk)
            cut = random.choice([KEPT, KEPT + BLOCK, 8 * MIB, 8 * MIB + 3 * BLOCK])
            control.resize("v", cut)
            disk.cut(cut)
            self.assertEqual(control.info("v")["size_bytes"], cut)
        daemon.kill_all()
        control.close()
        load.join(60)
        self.assertIsNone(load.failure)
        self.assertEqual(load.errors, 0)
        daemon.start()
        control = daemon.control()
        self.addCleanup(control.close)
        control.resize("v", 12 * MIB)
        disk.size_bytes = 12 * MIB
        self.check(daemon, disk)

    def write_above(self, daemon: Daemon, disk: Disk) -> None:
        """Looks that nothing is there which should not be, and writes."""
        connection = attached(daemon, "v")
        self.assertEqual(connection.size_bytes, disk.size_bytes)
        for block in range(KEPT // BLOCK, disk.size_bytes // BLOCK):
            known = disk.blocks.get(block)
            if known is None:
                self.assertEqual(connection.read(block * BLOCK, BLOCK), bytes(BLOCK), block)
        for block in range(KEPT // BLOCK, disk.size_bytes // BLOCK, 7):
            value, ops = disk.begin(WRITE, [block])
            connection.write(block * BLOCK, stamp(value, block))
            disk.acknowledge(ops)
        connection.leave()

    def check(self, daemon: Daemon, disk: Disk) -> None:
        """The volume holds what it may."""
        connection = attached(daemon, "v")
        found, bad = content(connection.read, connection.size_bytes)
        connection.leave()
        self.assertEqual(bad, [])
        self.assertEqual(wrong("v", disk, {"v": (connection.size_bytes, found)}), [])
