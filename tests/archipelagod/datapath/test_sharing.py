"""
Volumes that one worker serves: none keeps another from its share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.client.blocking import BlockingClient
from archipelagod.wire.values import Limits
from tests.archipelagod.datapath.flood import VOLUME_BYTES
from tests.chaos.daemon import ROOT, Daemon
from tests.chaos.nbd_connection import NbdConnection

CONNECTIONS, DEPTH = 8, 32
BLOCK = 4096
WHILE_S = 1.5
LATE_S = 1.0  # far more than any turn takes, on a machine that has other things to do


class Flooding:
    """
    A process that floods an export.
    """

    def __init__(
        self, test: SynchronousTestCase, path: str, export: str, connections: int, size: int
    ) -> None:
        module = "tests.archipelagod.datapath.flood"
        arguments = [path, export, str(connections), str(DEPTH), str(size)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        test.addCleanup(self._end)
        test.assertEqual(self._line(), b"floods\n")

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def answered(self) -> int:
        """How many of its reads were answered by now."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return int(self._line())

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


class SharingTests(SynchronousTestCase):
    """The loop in C, and that in Python, each in one worker with the volumes a, b and c."""

    def started(self, *, is_fast: bool) -> tuple[str, BlockingClient]:
        """Where the daemon serves NBD, and a client of it."""
        directory = tempfile.mkdtemp(prefix="sharing")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        more = "workers = 1\n"
        if not is_fast:  # whoever looks at every call of the store is not passed by
            Path(f"{directory}/plan").write_text('{"rules": []}')
            more += f'store = "file:{directory}/state/store?faults={directory}/plan"\n'
        daemon = Daemon(directory, more=more)
        self.addCleanup(daemon.end)
        daemon.start()
        secret = Path(daemon.secret_file).read_bytes().strip()
        client = BlockingClient(f"unix:{daemon.wire}", secret)
        self.addCleanup(client.close)
        for name in "abc":
            client.create(name, VOLUME_BYTES)
            client.write(name, 0, os.urandom(VOLUME_BYTES))
        return daemon.nbd, client

    def alone(self, nbd: str) -> list[float]:
        """How long each of many reads of "b" took (s), one after the other, for a while."""
        connection = NbdConnection(nbd, "b")
        took: list[float] = []
        end_s = time.monotonic() + WHILE_S
        while (began_s := time.monotonic()) < end_s:
            connection.read(len(took) % 1024 * BLOCK, BLOCK)
            took.append(time.monotonic() - began_s)
        connection.leave()
        return sorted(took)

    def _compare(self, *, is_fast: bool) -> None:
        nbd, _ = self.started(is_fast=is_fast)
        flooding = Flooding(self, nbd, "a", CONNECTIONS, BLOCK)
        before = flooding.answered()
        took = self.alone(nbd)
        turns = (flooding.answered() - before) / (CONNECTIONS * DEPTH)
        self.assertGreater(turns, 1)
        self.assertGreater(len(took), turns / 2)
        self.assertLess(took[len(took) * 99 // 100], LATE_S)

    def test_in_c(self) -> None:
        """
        Who asks for one thing at a time has its turn as often as each connection of one that asks
        for much by many, and soon.
        """
        self._compare(is_fast=True)

    def test_in_python(self) -> None:
        """The same."""
        self._compare(is_fast=False)

    def test_limits(self) -> None:
        """
        Limits of requests and of bytes, with bursts, hold side by side under a flood; who has none
        does not feel them.
        """
        nbd, client = self.started(is_fast=True)
        size = 64 << 10
        requests, burst_s, amount = 400, 0.5, 64 * size
        client.set_limits("a", Limits(iops=requests, burst_seconds=burst_s))
        client.set_limits("c", Limits(bytes_per_second=amount, burst_seconds=burst_s))
        began_s = time.monotonic()
        by_requests = Flooding(self, nbd, "a", CONNECTIONS, BLOCK)
        by_bytes = Flooding(self, nbd, "c", 2, size)
        free = len(self.alone(nbd))
        for flooding, rate in ((by_requests, requests), (by_bytes, amount / size)):
            found = flooding.answered()
            since_s = time.monotonic() - began_s
            self.assertLessEqual(found, rate * (since_s + burst_s))
            self.assertGreater(found, rate * (burst_s + WHILE_S) / 2)
        self.assertGreater(free, requests * (WHILE_S + burst_s))
