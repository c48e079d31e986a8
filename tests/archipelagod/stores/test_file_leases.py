"""
Leases between real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores import file_leases
from archipelagod.stores.file_leases import FileLeases
from archipelagod.stores.leases import LeaseHeld
from archipelagod.wire.errors import LeaseLost
from tests.archipelagod.stores.bare_python import said, start_python, tell

HOLDER = """
from archipelagod.stores.file_leases import FileLeases
from archipelagod.wire.errors import LeaseLost
lease = FileLeases(sys.argv[1]).acquire("v", b"holder")
print("held", flush=True)
for line in sys.stdin:
    if line == "release\\n":
        lease.release()
    try:
        lease.check()
        print("fine", flush=True)
    except LeaseLost:
        print("lost", flush=True)
"""
WANTING = """
from archipelagod.stores.file_leases import FileLeases
from archipelagod.stores.leases import LeaseHeld
leases = FileLeases(sys.argv[1])
log = sys.argv[2]
import os
fd = os.open(log, os.O_WRONLY | os.O_APPEND)
for _ in range(200):
    try:
        lease = leases.acquire("v", b"%d" % os.getpid())
    except LeaseHeld:
        continue
    os.write(fd, b"+")
    lease.check()
    os.write(fd, b"-")
    lease.release()
"""


class FileLeasesProcessTests(SynchronousTestCase):
    """Who holds a lease when processes die, stop, or race."""

    def setUp(self) -> None:
        """A directory, and a process that holds the lease ``v``."""
        self.root = os.path.abspath(self.mktemp())
        self.leases = FileLeases(self.root)
        self.patch(file_leases, "PAUSE_S", 0.001)

    def held(self) -> subprocess.Popen[str]:
        """A process that holds the lease."""
        process = start_python(self, HOLDER, self.root)
        self.assertEqual(said(process), "held")
        return process

    def acquire_within(self, seconds: float) -> None:
        """The lease, as soon as it can be had."""
        deadline_s = time.monotonic() + seconds
        while True:
            try:
                self.addCleanup(self.leases.acquire("v", b"next").release)
                return
            except LeaseHeld:
                self.assertLess(time.monotonic(), deadline_s)

    def test_held_by_another(self) -> None:
        """Another process's lease can't be had, until it is released."""
        process = self.held()
        self.assertRaises(LeaseHeld, self.leases.acquire, "v", b"me")
        self.assertEqual(self.leases.holder("v"), b"holder")
        tell(process, "release")
        self.assertEqual(said(process), "lost")
        self.acquire_within(1)

    def test_killed(self) -> None:
        """A killed process's lease is free at once, and nobody holds it."""
        process = self.held()
        process.kill()
        process.wait()
        self.assertIsNone(self.leases.holder("v"))
        self.acquire_within(0.5)

    def test_stopped(self) -> None:
        """A process that stands still keeps its lease, and is told when it was taken away."""
        process = self.held()
        process.send_signal(signal.SIGSTOP)
        self.assertRaises(LeaseHeld, self.leases.acquire, "v", b"me")
        self.leases.take_away("v")
        lease = self.leases.acquire("v", b"me")
        process.send_signal(signal.SIGCONT)
        tell(process, "check")
        self.assertEqual(said(process), "lost")
        tell(process, "release")
        self.assertEqual(said(process), "lost")
        lease.check()
        lease.release()

    def test_stopped_and_killed(self) -> None:
        """A process killed while it stands still lets go."""
        process = self.held()
        process.send_signal(signal.SIGSTOP)
        process.kill()
        process.wait()
        self.acquire_within(0.5)

    def test_never_two(self) -> None:
        """Processes that take and release a lease all the time never have it together."""
        log = self.mktemp()
        open(log, "w").close()
        racing = [start_python(self, WANTING, self.root, log) for _ in range(4)]
        for process in racing:
            self.assertEqual(process.wait(), 0)
        with open(log) as file:
            story = file.read()
        self.assertIn("+-", story)
        self.assertEqual(story.replace("+-", ""), "")

    def test_asking_does_not_hinder(self) -> None:
        """A lease can be had while others ask who has it."""
        with open(f"{self.root}/v", "w"):
            pass
        asking = start_python(
            self,
            "from archipelagod.stores.file_leases import FileLeases\n"
            "leases = FileLeases(sys.argv[1])\n"
            "print('asks', flush=True)\n"
            "while True: leases.holder('v')\n",
            self.root,
        )
        self.patch(file_leases, "TRIES", 1)
        said(asking)
        for _ in range(200):
            self.leases.acquire("v", b"me").release()
            open(f"{self.root}/v", "w").close()

    def test_overwritten(self) -> None:
        """A lease in which another wrote is lost."""
        lease = self.leases.acquire("v", b"me")
        with open(f"{self.root}/v", "w") as file:
            file.write("you")
        self.assertRaises(LeaseLost, lease.check)
        lease.release()

    def test_nothing_stays(self) -> None:
        """Released leases leave no files."""
        for number in range(5):
            self.leases.acquire(f"v{number}", b"me").release()
        self.assertEqual(os.listdir(self.root), [])

    def test_forgotten(self) -> None:
        """A lease that nobody refers to is released."""
        self.leases.acquire("v", b"me")
        self.assertIsNone(self.leases.holder("v"))
