"""
Daemons over Ceph, with a real cluster.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.client.blocking import BlockingClient
from archipelagod.wire.errors import StorageError, StorageUnavailable, VolumeBusy
from tests.chaos.daemon import Daemon, gone
from tests.live.ceph import shared_cluster

TERM_S = 3
CONTENT = os.urandom(100_000)


class RadosDaemonTests(SynchronousTestCase):
    """Two hosts' daemons over one pool."""

    def setUp(self) -> None:
        """A store."""
        self.directory = tempfile.mkdtemp(prefix="rados")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        namespace = Path(self.directory).name
        self.address = f"{shared_cluster().address(namespace)}&term={TERM_S}"

    def started(self, name: str) -> Daemon:
        """A daemon, and a client of it."""
        more = f'store = "{self.address}"\nworkers = 1\n'
        daemon = Daemon(f"{self.directory}/{name}", more=more)
        self.addCleanup(daemon.end)
        daemon.start()
        return daemon

    def client(self, daemon: Daemon) -> BlockingClient:
        """A client of the daemon."""
        secret = Path(daemon.secret_file).read_bytes().strip()
        client = BlockingClient(f"unix:{daemon.wire}", secret)
        self.addCleanup(client.close)
        return client

    def test_taken_over(self) -> None:
        """What one host flushed another serves, after the first died with the volume open."""
        first, second = self.started("first"), self.started("second")
        one, other = self.client(first), self.client(second)
        one.create("v", 1 << 30)
        one.acquire("v")
        one.write("v", 3_999_999, CONTENT)
        one.flush("v")
        self.assertRaises(VolumeBusy, other.write, "v", 0, b"x")
        first.kill_all()
        self.eventually(lambda: other.write("v", 0, b"second"))
        self.assertEqual(other.read("v", 3_999_999, len(CONTENT)), CONTENT)
        other.snapshot("v", "s")
        self.assertEqual(other.read("s", 0, 6), b"second")
        self.assertEqual([info.name for info in other.list()], ["s", "v"])

    def test_woken(self) -> None:
        """A worker that stood still while its volume was taken over ends; its host goes on."""
        first, second = self.started("first"), self.started("second")
        one, other = self.client(first), self.client(second)
        one.create("v", 1 << 30)
        one.create("w", 1 << 30)
        one.acquire("v")
        one.write("v", 0, b"first")
        one.flush("v")
        workers = first.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        self.eventually(lambda: other.write("v", 0, b"second"))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        self.assertTrue(gone(workers))
        self.eventually(lambda: one.write("w", 0, b"first"))
        self.assertEqual(other.read("v", 0, 6), b"second")

    def eventually(self, call: Callable[[], object]) -> None:
        """Makes the call until it is not refused."""
        deadline_s = time.monotonic() + 60
        while True:
            try:
                call()
                break
            except StorageError as error:
                self.assertIsInstance(error, VolumeBusy | StorageUnavailable)
                self.assertLess(time.monotonic(), deadline_s)
