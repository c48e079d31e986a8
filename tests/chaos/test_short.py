"""
The short form of ``make chaos-block``: a few rounds, and a kill at every call of two changes.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.chaos.daemon import Daemon
from tests.chaos.rounds import Chaos, Damage
from tests.chaos.sweeps import Sweep, can_trace

FEWEST_HITS = 20  # of any deed; with an strace that hits nothing all would be well
DEATHS = ("all", "worker", "daemon", "stopped worker", "workers", "all", "stop", "all")


class ShortTests(SynchronousTestCase):
    """A daemon that dies in every way once."""

    def directory(self) -> str:
        """For its store and its sockets."""
        made = tempfile.mkdtemp(prefix="chaos")
        self.addCleanup(shutil.rmtree, made, ignore_errors=True)
        return made

    def test_rounds(self) -> None:
        """Nothing acknowledged is lost, every change is whole, nothing is left over."""
        seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
        daemon = Daemon(self.directory())
        self.addCleanup(daemon.end)
        chaos = Chaos(daemon, seed)
        daemon.start()
        chaos.populate()
        try:
            for death in DEATHS:
                chaos.round(death)
            chaos.delete_all()
        except Damage as damage:
            self.fail(f"CHAOS_SEED={seed}: {damage}")

    def test_every_call(self) -> None:
        """A flush and a live snapshot, killed at each of their system calls."""
        if not can_trace():
            raise SkipTest("needs strace (Debian: strace), and the right to trace")
        directory = self.directory()
        for deed in ("flush", "live_snapshot"):
            sweep = Sweep(directory, deed)
            self.assertEqual(list(sweep.wrong(["signal=SIGKILL"])), [])
            self.assertGreater(sweep.hits, FEWEST_HITS)
