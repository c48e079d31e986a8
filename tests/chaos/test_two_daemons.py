"""
Two daemons over one store: one writer a volume, whatever becomes of it.
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.file_leases import FileLeases
from archipelagod.wire.errors import VolumeBusy
from tests.chaos import daemon as processes
from tests.chaos.daemon import Daemon
from tests.chaos.invariants import problems
from tests.chaos.judging import wrong
from tests.chaos.load import DEPTH, Load, attached
from tests.chaos.model import Disk
from tests.chaos.nbd_connection import NbdConnection, Refused
from tests.chaos.verdicts import content
from tests.chaos.world import World

SIZE = 9 << 20


class TwoDaemonsTests(SynchronousTestCase):
    """Daemons "a" and "b"; "a" has made the volume "v"."""

    def setUp(self) -> None:
        """Both, over one store."""
        self.directory = tempfile.mkdtemp(prefix="two")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        state = f"{self.directory}/state"
        self.a = Daemon(f"{self.directory}/a", state)
        self.b = Daemon(f"{self.directory}/b", state)
        self.world = World()
        self.disk = Disk("v", 1, SIZE)
        for daemon in (self.a, self.b):
            self.addCleanup(daemon.end)
            daemon.start()
        control = self.a.control()
        control.create("v", SIZE)
        control.close()

    def worked(self, daemon: Daemon, seconds: float) -> Load:
        """A guest at work."""
        seed = random.randrange(1 << 32)
        load = Load(self.world, self.disk, attached(daemon, "v"), seed, SIZE)
        load.start()
        time.sleep(seconds)
        return load

    def ended(self, load: Load) -> None:
        """It ends, or has ended."""
        load.is_stopped = True
        load.join(60)
        self.assertIsNone(load.failure)

    def check(self, daemon: Daemon, *, is_still: bool = True) -> None:
        """The volume, as a daemon shows it, holds what it may.  is_still: nobody writes."""
        connection = attached(daemon, "v")
        found, bad = content(connection.read, connection.size_bytes)
        self.assertEqual(bad, [])
        self.assertEqual(wrong("v", self.disk, {"v": (connection.size_bytes, found)}), [])
        connection.leave()
        if is_still:
            self.disk.settle(found)

    def test_other_is_refused(self) -> None:
        """While "a" has a writer, "b" neither opens nor changes the volume; then it does."""
        load = self.worked(self.a, 0.3)
        self.assertRaises(Refused, NbdConnection, self.b.nbd, "v")
        control = self.b.control()
        self.addCleanup(control.close)
        self.assertEqual(control.names(), ["v"])
        self.assertRaises(VolumeBusy, control.write, "v", 0, b"x")
        self.assertRaises(VolumeBusy, control.delete, "v")
        self.ended(load)
        self.check(self.b)
        control.rename("v", "w")
        control.rename("w", "v")
        self.check(self.a)

    def test_holder_dies(self) -> None:
        """Killed while it writes: "b" has the volume at once, with all that was acknowledged."""
        for _ in range(2):
            load = self.worked(self.a, 0.3)
            self.a.kill_all()
            self.ended(load)
            started_s = time.monotonic()
            self.check(self.b)
            self.assertLess(time.monotonic() - started_s, 10.0)
            self.a.start()
            self.ended(self.worked(self.b, 0.2))
            self.check(self.a)

    def test_holder_stops(self) -> None:
        """Stopped while it writes: "b" waits in vain, and gets it when "a" is killed."""
        load = self.worked(self.a, 0.3)
        stopped = [self.a.pid, *self.a.workers()]
        for pid in stopped:
            processes.kill(pid, signal.SIGSTOP)
        self.assertRaises(Refused, NbdConnection, self.b.nbd, "v")
        for pid in stopped:
            processes.kill(pid, signal.SIGCONT)
        time.sleep(0.2)
        self.assertTrue(load.is_alive(), load.failure)
        for pid in stopped:
            processes.kill(pid, signal.SIGSTOP)
        self.a.kill_all()
        self.ended(load)
        self.check(self.b)

    def test_fenced(self) -> None:
        """A stopped holder whose lease was taken away can't acknowledge a flush when it wakes."""
        load = self.worked(self.a, 0.3)
        stopped = [self.a.pid, *self.a.workers()]
        for pid in stopped:
            processes.kill(pid, signal.SIGSTOP)
        leases = FileLeases(f"{self.a.store}/leases")
        uid = f"{self.uid():08x}"
        self.assertIsNotNone(leases.holder(uid))
        leases.take_away(uid)
        self.check(self.b, is_still=False)
        for pid in stopped:
            processes.kill(pid, signal.SIGCONT)
        flushes = load.flushes
        time.sleep(0.5)
        self.ended(load)
        self.assertGreater(load.errors + (not load.is_alive()), 0)
        # Those of one group, at most, were synced before it stopped.
        self.assertLessEqual(load.flushes, flushes + DEPTH)

    def uid(self) -> int:
        """Of the volume."""
        control = self.b.control()
        found = int(control.info("v")["uid"])
        control.close()
        return found

    def test_both_at_work(self) -> None:
        """Each with volumes of its own, deaths of both; the store is whole afterwards."""
        for _ in range(2):
            for daemon in (self.a, self.b):
                load = self.worked(daemon, 0.1)
                daemon.kill_all()
                self.ended(load)
                daemon.start()
                self.check(self.b if daemon is self.a else self.a)
        for daemon in (self.a, self.b):
            daemon.stop()
        self.assertEqual(problems(self.a.store, is_settled=True), [])
