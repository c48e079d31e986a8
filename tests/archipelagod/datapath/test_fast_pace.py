"""
When the loop in C sends what it has, and how it waits for more.
"""

from __future__ import annotations

import os
import socket
import time

from archipelagod.datapath.fast import IS_BUILT
from archipelagod.nbd.replies import SIMPLE
from tests.archipelagod.datapath.loop_client import PATIENCE_S, Nbd, Pair
from tests.archipelagod.datapath.served_disk import Served

if not IS_BUILT:
    skip = "the loop in C was not built: there was no compiler"


class WaitingTests(Served):
    """Who is asked for one thing after the other stays awake; nobody else does."""

    if os.cpu_count() == 1:
        skip = "with one processor nobody stays awake"

    def test_one_after_the_other(self) -> None:
        """Requests that follow each other at once are waited for awake, and answered."""
        expected = bytes(self.disk.content[:4096])
        end_s = time.monotonic() + PATIENCE_S
        while self.pair.loop.awake < 20:
            self.assertLess(time.monotonic(), end_s)
            self.pair.theirs.sendall(self.protocol.read(1, 0, 4096))
            self.assertEqual(expected, self.protocol.reply(self.pair.take, {1: 4096})[1])

    def test_seldom(self) -> None:
        """A client that takes its time finds the loop asleep, after the first request."""
        self.read(0, 1)
        before = self.pair.loop.awake
        for _ in range(20):
            time.sleep(0.002)
            self.read(0, 1)
        self.assertLessEqual(self.pair.loop.awake - before, 1)

    def test_gone(self) -> None:
        """A client that hangs up is noticed by a loop that is awake."""
        for _ in range(50):
            self.read(0, 1)
        self.pair.close()


class Packets(Pair):
    """A Pair of sockets that tell what was sent together."""

    kind = socket.SOCK_SEQPACKET


class SendingTests(Served):
    """Replies go out while there is more to do."""

    def test_parts(self) -> None:
        """Of many requests the first ones are answered before the last is done."""
        pair = Packets(self.disk, Nbd(is_structured=False))
        self.addCleanup(pair.close)
        pair.theirs.sendall(b"".join(self.protocol.read(at, at * 100, 100) for at in range(40)))
        sizes = [len(pair.theirs.recv(1 << 20)) for _ in range(3)]
        self.assertEqual([16, 16, 8], [size // (SIMPLE.size + 100) for size in sizes])
