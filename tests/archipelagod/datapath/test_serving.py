"""
Clients of a served volume, over data connections and NBD.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.datapath.inbox import IDLE_S
from archipelagod.nbd import numbers as n
from archipelagod.stores.store import open_file_store
from archipelagod.volume.opening import open_volume
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, NoSpace, OutOfRange, StorageUnavailable
from archipelagod.wire.framing import ERROR, HEADER_BYTES, REPLY, pack
from archipelagod.wire.values import Limits
from tests.archipelagod.datapath.serving import MIB, Served


class ServedCase(SynchronousTestCase):
    """Has a served volume."""

    def setUp(self) -> None:
        """The volume."""
        self.served = Served()
        self.server = self.served.server
        self.is_closed = False
        self.addCleanup(self.close)

    def close(self) -> None:
        """Once."""
        if not self.is_closed:
            self.is_closed = True
            self.server.close()


class DataConnectionTests(ServedCase):
    """A client of the block protocol."""

    def test_write_and_read(self) -> None:
        """Single bytes and the largest, across objects."""
        with self.served.client() as client:
            data = os.urandom(4 * MIB)
            self.assertEqual(client.write(3 * MIB + 7, data), 0)
            self.assertEqual(client.read(3 * MIB + 7, 4 * MIB), data)
            self.assertEqual(client.read(0, 3), b"\0\0\0")

    def test_pipelined(self) -> None:
        """Many requests in one piece are all answered, each with its serial."""
        with self.served.client() as client:
            frames = b"".join(
                pack(1, op.WRITE, serial, offset=serial * 4096, data_bytes=4096) + bytes([7]) * 4096
                for serial in range(300)
            )
            sender = threading.Thread(target=client.sock.sendall, args=(frames,))
            sender.start()
            replies = [client.reply()[0] for _ in range(300)]
            sender.join()
            self.assertEqual([reply.serial for reply in replies], list(range(300)))
            self.assertEqual({reply.status for reply in replies}, {0})
            self.assertEqual(client.read(299 * 4096, 4097), b"\x07" * 4096 + b"\0")

    def test_in_small_pieces(self) -> None:
        """A frame may come byte by byte."""
        with self.served.client() as client:
            for byte in pack(1, op.WRITE, 5, offset=1, data_bytes=2) + b"ab":
                client.sock.sendall(bytes([byte]))
            self.assertEqual(client.reply()[0].serial, 5)
            self.assertEqual(client.read(0, 4), b"\0ab\0")

    def test_zeroes_and_discards(self) -> None:
        """Both read as zeros."""
        with self.served.client() as client:
            client.write(0, b"x" * 16384)
            client.ask(op.WRITE_ZEROES, 1, offset=0, size=4096, flags=op.FLAG_FUA)
            client.ask(op.DISCARD, 2, offset=4096, size=4096)
            self.assertEqual({client.reply()[0].serial for _ in range(2)}, {1, 2})
            self.assertEqual(client.read(0, 8193), bytes(8192) + b"x")

    def test_info_follows_resizing(self) -> None:
        """INFO tells the size as it is now."""
        with self.served.client() as client:
            client.ask(op.INFO, 1)
            self.assertEqual(client.reply()[0].size, 64 * MIB)
            self.server.volume.resize(65 * MIB)
            client.ask(op.INFO, 2)
            self.assertEqual(client.reply()[0].size, 65 * MIB)
            self.assertEqual(client.write(65 * MIB - 1, b"x"), 0)

    def test_refusals(self) -> None:
        """A request that can't be is refused, and the connection goes on."""
        with self.served.client() as client:
            client.ask(op.READ, 1, offset=64 * MIB, size=1)
            client.ask(op.READ, 2, size=4 * MIB + 1)
            client.ask(op.WRITE, 3, offset=64 * MIB - 1, data=b"xx")
            client.ask(op.DELETE, 4)
            statuses = [client.reply()[0].status for _ in range(4)]
            out, bad = OutOfRange.status, BadRequest.status
            self.assertEqual(statuses, [out, out, out, bad])
            self.assertEqual(client.read(0, 1), b"\0")

    def test_garbage(self) -> None:
        """Bytes that are no frame end the connection, with the reason."""
        with self.served.client() as client:
            client.sock.sendall(b"x" * HEADER_BYTES)
            header, text = client.reply()
            self.assertEqual((header.kind, header.status), (ERROR, BadRequest.status))
            self.assertIn(b"magic", text)
            self.assertEqual(client.file.read(1), b"")

    def test_replies_are_no_requests(self) -> None:
        """A client that sends replies breaks the grammar."""
        with self.served.client() as client:
            client.sock.sendall(pack(REPLY, op.READ, 1))
            self.assertEqual(client.reply()[0].kind, ERROR)

    def test_close_waits_for_flushes(self) -> None:
        """CLOSE is answered behind everything that was asked before."""
        with self.served.client() as client:
            for serial in range(20):
                client.ask(op.WRITE, 100 + serial, data=b"x")
                client.ask(op.FLUSH, serial)
            client.ask(op.CLOSE, 99)
            serials = [client.reply()[0].serial for _ in range(41)]
            self.assertEqual(serials[-1], 99)
            self.assertEqual(client.file.read(1), b"")

    def test_failed_flush(self) -> None:
        """A flush that fails is told so, and is counted."""
        with self.served.client() as client:
            self.server.volume.map.fail(OSError(5, "broken"))
            client.ask(op.FLUSH, 1)
            self.assertEqual(client.reply()[0].status, StorageUnavailable.status)
        self.assertEqual(self.server.statistics()["operations"]["flush"]["errors"], 1)

    def test_full_store(self) -> None:
        """A store that is full is told as such."""

        def full(*_: object) -> None:
            raise OSError(28, "full")

        self.server.volume.write = full  # type: ignore[method-assign]
        with self.served.client() as client:
            self.assertEqual(client.write(0, b"x"), NoSpace.status)


class NbdConnectionTests(ServedCase):
    """An NBD client in its transmission phase."""

    def request(self, kind: int, cookie: int, offset: int = 0, size: int = 0) -> bytes:
        """One request."""
        return struct.pack(">IHHQQI", n.REQUEST_MAGIC, 0, kind, cookie, offset, size)

    def test_goodbye_behind_flushes(self) -> None:
        """A client that says goodbye still hears of the flushes that it asked for."""
        sock = self.served.socket(is_nbd=True)
        with sock, sock.makefile("rb") as file:
            sock.sendall(self.request(n.CMD_WRITE, 1, 0, 4) + b"data")
            sock.sendall(b"".join(self.request(n.CMD_FLUSH, cookie) for cookie in range(2, 12)))
            sock.sendall(self.request(n.CMD_DISC, 99))
            found = file.read()
        cookies = {struct.unpack_from(">Q", found, at + 8)[0] for at in range(0, len(found), 16)}
        self.assertEqual(cookies, set(range(1, 12)))

    def test_large_read_of_a_file(self) -> None:
        """What is sent straight from an object's file is the same as what is copied."""
        with tempfile.TemporaryDirectory() as directory:
            served = Served(store=open_file_store(directory))
            data = os.urandom(4 * MIB)
            served.server.volume.write(4 * MIB, data)
            sock = served.socket(is_nbd=True)
            with sock, sock.makefile("rb") as file:
                for size in (64 << 10, MIB, 3 * MIB):
                    sock.sendall(self.request(n.CMD_READ, 1, 5 * MIB - 5, size))
                    self.assertEqual(len(file.read(28)), 28)
                    self.assertEqual(file.read(size), data[MIB - 5 :][:size])
            served.server.close()


class LiveTests(ServedCase):
    """What happens to a volume while it is written."""

    @contextlib.contextmanager
    def written(self) -> Iterator[list[int]]:
        """A client that counts up in both halves of the volume; gives its last number."""
        last = [0]
        is_over = threading.Event()

        def write() -> None:
            with self.served.client() as client:
                while not is_over.is_set():
                    last[0] += 1
                    number = last[0].to_bytes(8, "little")
                    assert client.write(0, number) == 0
                    assert client.write(32 * MIB, number) == 0

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield last
        finally:
            is_over.set()
            writer.join(20)
            self.assertFalse(writer.is_alive())

    def test_snapshot(self) -> None:
        """A snapshot has everything up to one moment, and nothing of what came later."""
        with self.written() as last:
            for number in range(8):
                time.sleep(0.02)
                before = last[0]
                self.server.snapshot(self.served.catalogue.new_map(f"s{number}"))
                frozen = open_volume(self.served.store, f"s{number}", 0)
                first, second = bytearray(8), bytearray(8)
                frozen.read_into(0, memoryview(first))
                frozen.read_into(32 * MIB, memoryview(second))
                found = int.from_bytes(first, "little"), int.from_bytes(second, "little")
                self.assertIn(found[0] - found[1], (0, 1))
                self.assertGreaterEqual(found[1], before - 1)

    def test_resize(self) -> None:
        """Clients go on while the volume grows and shrinks."""
        with self.written():
            for size in (65, 40, 100):
                self.server.volume.resize(size * MIB)
                time.sleep(0.02)

    def test_close_ends_clients(self) -> None:
        """Clients are disconnected, and each is told of once."""
        sockets = [self.served.socket() for _ in range(5)]
        self.close()
        for sock in sockets:
            with sock:
                self.assertEqual(sock.recv(1), b"")
        self.assertEqual(sorted(self.served.gone), [1, 2, 3, 4, 5])

    def test_limits(self) -> None:
        """A limited client is slowed down; flushes of others are not, nor new limits."""
        self.server.set_limits(Limits(iops=50, burst_seconds=0.02))
        with self.served.client() as slow, self.served.client() as other:
            began = time.monotonic()
            for serial in range(16):
                slow.ask(op.WRITE, serial, data=b"x")
            other.ask(op.FLUSH, 1)
            other.reply()
            flushed_s = time.monotonic() - began
            for _ in range(16):
                slow.reply()
            took_s = time.monotonic() - began
            self.assertGreater(took_s, 0.25)
            self.assertLess(flushed_s, took_s)
            for serial in range(200):
                slow.ask(op.WRITE, serial, data=b"x")
            self.server.set_limits(Limits())
            for _ in range(200):
                slow.reply()
            self.assertLess(time.monotonic() - began, took_s + 3.5)

    def test_figures(self) -> None:
        """Requests are counted by kind, of clients that are there and that went."""
        for _ in range(2):
            with self.served.client() as client:
                client.write(0, b"x" * 100)
                client.read(0, 50)
        while len(self.served.gone) < 2:
            time.sleep(0.01)
        found = self.server.statistics()["operations"]
        self.assertEqual((found["write"]["count"], found["write"]["bytes"]), (2, 200))
        self.assertEqual((found["read"]["count"], found["read"]["bytes"]), (2, 100))
        self.assertEqual(sum(found["read"]["latency"]), 2)

    def test_hog(self) -> None:
        """A client that sends without end does not keep another waiting for long."""
        is_over = threading.Event()

        def hog() -> None:
            with self.served.client() as client:
                request = pack(1, op.READ, 1, size=4096) * 64
                reader = threading.Thread(target=self.drain, args=(client.sock,))
                reader.start()
                while not is_over.is_set():
                    client.sock.sendall(request)
                client.sock.shutdown(1)
                reader.join(10)

        hogs = [threading.Thread(target=hog) for _ in range(2)]
        for thread in hogs:
            thread.start()
        with self.served.client() as client:
            began = time.monotonic()
            for _ in range(20):
                client.read(0, 1)
            took_s = time.monotonic() - began
        is_over.set()
        for thread in hogs:
            thread.join(20)
        self.assertLess(took_s, 5.0)

    def drain(self, sock: object) -> None:
        """Reads to the end."""
        with contextlib.suppress(OSError):
            while sock.recv(1 << 20):  # type: ignore[attr-defined]
                pass


class SlowClientTests(ServedCase):
    """A client that does not read at once."""

    def test_sent_ahead(self) -> None:
        """384 KiB of replies do not keep its writes from being done."""
        most = int(Path("/proc/sys/net/core/wmem_max").read_text())
        if most < 256 << 10:
            raise SkipTest("the system does not let sockets have so much")
        with self.served.client() as client:
            for serial in range(1, 4):
                client.ask(op.READ, serial, size=128 << 10)
            client.ask(op.WRITE, 4, offset=MIB, data=b"x" * 10)
            end_s = time.monotonic() + 20
            while self.server.volume.usage().dirty == 0:
                self.assertLess(time.monotonic(), end_s)
                time.sleep(0.01)
            self.assertEqual([1, 2, 3, 4], [client.reply()[0].serial for _ in range(4)])


class IdleTests(ServedCase):
    """A client that is silent."""

    def test_memory_is_given_back(self) -> None:
        """After some seconds its memory is free, and it is served as before."""
        with self.served.client() as client:
            client.write(0, b"y" * MIB)
            time.sleep(IDLE_S + 0.5)
            (connection,) = self.server._open
            exchange = connection._exchange
            self.assertEqual(bytes(exchange.inbox.view[:4096]), bytes(4096))
            self.assertEqual(client.read(MIB - 1, 2), b"y\0")
            self.assertEqual(client.write(5, b"z"), 0)
