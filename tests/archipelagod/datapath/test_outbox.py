"""
Replies to one client from two threads.
"""

from __future__ import annotations

import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.outbox import Outbox


def received(sock: socket.socket, size: int) -> bytes:
    """So many bytes, or what came in ten seconds."""
    sock.settimeout(10)
    found = b""
    while len(found) < size:
        data = sock.recv(1 << 20)
        if not data:
            break
        found += data
    return found


class OutboxTests(SynchronousTestCase):
    """Outbox, over a socket pair."""

    def setUp(self) -> None:
        """The pair."""
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.outbox = Outbox(self.ours)

    def test_order(self) -> None:
        """What is posted and sent in turn arrives in turn."""
        self.outbox.post(b"one")
        self.outbox.send(b"two")
        self.outbox.post(b"three")
        self.assertEqual(received(self.theirs, 11), b"onetwothree")

    def test_client_does_not_read(self) -> None:
        """Posting never waits, and all arrives whole once the client reads."""
        posts = [bytes([number]) * 100_000 for number in range(20)]
        poster = threading.Thread(target=lambda: [self.outbox.post(data) for data in posts])
        poster.start()
        poster.join(10)
        self.assertFalse(poster.is_alive())
        self.assertEqual(received(self.theirs, 2_000_000), b"".join(posts))

    def test_two_threads(self) -> None:
        """Replies of two threads are never mixed, and none is lost."""

        def send(byte: bytes) -> None:
            for _ in range(300):
                self.outbox.send(byte * 5000)

        sender = threading.Thread(target=send, args=(b"s",))
        sender.start()
        reader_found: list[bytes] = []
        reader = threading.Thread(
            target=lambda: reader_found.append(received(self.theirs, 300 * 5000 + 300 * 16))
        )
        reader.start()
        for _ in range(300):
            self.outbox.post(b"p" * 16)
        sender.join(20)
        reader.join(20)
        found = reader_found[0]
        self.assertEqual(found.count(b"s"), 300 * 5000)
        self.assertEqual(found.count(b"p"), 300 * 16)
        for part in found.replace(b"sp", b"s|p").replace(b"ps", b"p|s").split(b"|"):
            self.assertEqual(len(part) % (5000 if part[:1] == b"s" else 16), 0)

    def test_gone(self) -> None:
        """A client that is gone is an error to who sends, and none to who posts."""
        self.theirs.close()
        self.outbox.post(b"x")
        self.assertRaises(OSError, self.outbox.send, b"x" * 100)
