"""
Daemons over a real Ceph whose power is cut, and that is full.  CHAOS_CEPH: so many rounds; the
tests are skipped without it, for a cluster takes a while to come back.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.stores.address import open_store
from tests.chaos.blocks import WRITE
from tests.chaos.daemon import Daemon
from tests.chaos.invariants import missing_in
from tests.chaos.load import attached
from tests.chaos.model import Disk
from tests.chaos.nbd_connection import NbdConnection
from tests.chaos.rounds import Chaos, Damage
from tests.chaos.stamps import BLOCK, stamp
from tests.chaos.verdicts import complaints, content
from tests.live.ceph import CephCluster

ROUNDS = int(os.environ.get("CHAOS_CEPH", "0"))
TERM_S = 2  # of leases: nobody waits long for those of the dead
MIB = 1 << 20
PATIENCE_S = 60.0


class CephTests(SynchronousTestCase):
    """What was acknowledged is there, whatever becomes of the cluster."""

    def setUp(self) -> None:
        """A cluster that keeps everything in a file, and a daemon."""
        if not ROUNDS:
            raise SkipTest("takes minutes: CHAOS_CEPH=6 says how many rounds")
        self.cluster = CephCluster.start("bluestore")
        self.addCleanup(self.cluster.stop)
        self.directory = tempfile.mkdtemp(prefix="ceph")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.address = f"{self.cluster.address(Path(self.directory).name)}&term={TERM_S}"
        self.daemon = Daemon(self.directory, more=f'store = "{self.address}"\n')
        self.addCleanup(self.daemon.end)
        self.daemon.start()
        self.seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))

    def test_power_cuts(self) -> None:
        """Daemon and cluster die together, or the cluster alone, or the daemon alone."""
        chaos = Chaos(self.daemon, self.seed, lambda _: missing_in(open_store(self.address)))
        chaos.populate()
        for number in range(ROUNDS):
            try:
                self._round(chaos, ("everything", "cluster", "daemon")[number % 3])
            except Damage as damage:
                self.fail(f"seed {self.seed}: {damage}")
        self.assertGreater(chaos.world.counts["flush"], 0)

    def _round(self, chaos: Chaos, what: str) -> None:
        threads = chaos.start_work()
        chaos.pause()
        if what != "daemon":
            self.cluster.cut_power()
        if what != "cluster":
            workers = self.daemon.workers()
            self.daemon.kill_all()
        if what != "daemon":
            self.cluster.power_up()
        if what != "cluster":
            chaos.check_dead(workers)
            self.daemon.start()
        chaos.end_work(threads)
        chaos.look()
        if what == "cluster":  # leases were lost: a worker that another fenced off ends by then
            time.sleep(2 * TERM_S)

    def _write(self, connection: NbdConnection, disk: Disk, first: int) -> int:
        """Writes and flushes a block; the error, or 0."""
        value, ops = disk.begin(WRITE, [first])
        connection.send(n.CMD_WRITE, first * BLOCK, BLOCK, stamp(value, first))
        error = connection.receive().error
        if error:
            disk.failed(ops)
            return error
        disk.acknowledge(ops)
        connection.flush()
        return 0

    def _until(self, connection: NbdConnection, disk: Disk, error: int) -> None:
        """Writes until it is answered with that error."""
        deadline_s = time.monotonic() + PATIENCE_S
        for number in range(1 << 20):
            if self._write(connection, disk, number % 3000) == error:
                return
            self.assertLess(time.monotonic(), deadline_s, "the cluster does not notice")
            time.sleep(0.05)

    def _fill_from(self, share: float) -> None:
        """From that share of its space on the cluster calls itself full."""
        for limit in ("nearfull", "backfillfull", "full"):  # the largest of them counts
            self.cluster.command({"prefix": f"osd set-{limit}-ratio", "ratio": share})

    def test_full(self) -> None:
        """
        Writes say that there is no space, what is there can be read and deleted, and all goes on
        when the cluster has space again.
        """
        disk = Disk("v", 1, 16 * MIB)
        with contextlib.closing(self.daemon.control()) as control:
            control.create("v", disk.size_bytes)
            control.create("other", MIB)
            control.create("large", 8 * MIB)
            control.write("large", 3 * MIB, os.urandom(2 * MIB))
            connection = NbdConnection(self.daemon.nbd, "v")
            self._until(connection, disk, 0)
            self._fill_from(0.0001)
            self._until(connection, disk, n.ENOSPC)
            self._check(connection, disk)
            control.delete("other")  # one that is in use by nobody
            control.delete("large")
            self._fill_from(0.95)
            self._until(connection, disk, 0)
            connection.leave()
            connection = attached(self.daemon, "v")
            self._check(connection, disk)
            connection.leave()
            self.assertEqual(control.names(), ["v"])

    def _check(self, connection: NbdConnection, disk: Disk) -> None:
        found, bad = content(connection.read, disk.size_bytes)
        self.assertEqual(bad + complaints(disk, found), [])
