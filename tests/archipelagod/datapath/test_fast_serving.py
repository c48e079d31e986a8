"""
Volumes of files, served by the loop in C or by that in Python: nobody can tell which.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import threading
from typing import Any, ClassVar

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.datapath.fast import IS_BUILT
from archipelagod.nbd import numbers
from archipelagod.nbd.replies import REQUEST, simple
from archipelagod.stores.store import open_file_store
from archipelagod.volume.freezing import NewMap
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.wire import operations as op
from archipelagod.wire.values import Limits
from tests.archipelagod.datapath.serving import MIB, DataClient, Served

SIZE = 5 * OBJECT_BYTES - 12345


class ServedFiles(SynchronousTestCase):
    """A volume over a file store, and a client of it."""

    is_pure: ClassVar[str] = ""

    def setUp(self) -> None:
        """The store."""
        if not self.is_pure and not IS_BUILT:
            raise SkipTest("the loop in C was not built: there was no compiler")
        self.patch(os, "environ", {**os.environ, "SYNNEFO_PURE": self.is_pure})
        self.served = Served(SIZE, open_file_store(self.mktemp()))
        self.addCleanup(self.close)

    def close(self) -> None:
        """Unless a flush failed."""
        self.served.server.close()

    def done_in_c(self) -> tuple[int, int]:
        """Reads and writes that Python did not see."""
        table: Any = self.served.server.volume.map.table
        if self.is_pure:
            return 0, 0
        reads, writes, _ = table.entries.statistics()
        return sum(reads[2]), sum(writes[2])

    def frozen(self, name: str) -> NewMap:
        """Numbers for a snapshot."""
        fresh = self.served.sessions.fresh
        return NewMap(name, fresh(), fresh(), 1)

    def content(self, name: str) -> bytes:
        """Of a snapshot."""
        volume = open_volume(self.served.store, name, 0)
        with contextlib.closing(volume):
            found = bytearray(volume.size_bytes)
            volume.read_into(0, memoryview(found))
        return bytes(found)


class ContentTests(ServedFiles):
    """What is read and kept."""

    def test_model(self) -> None:
        """Writes, zeros, snapshots and sizes leave what a plain array would hold."""
        chance = random.Random(5)
        model = bytearray(SIZE)
        snapshots = {}
        with self.served.client() as client:
            for step in range(250):
                offset = chance.randrange(len(model))
                size = min(chance.choice([1, 512, 4096, 70_000, 2 * MIB]), len(model) - offset)
                match chance.randrange(12):
                    case 0:
                        client.ask(op.WRITE_ZEROES, 1, offset=offset, size=size)
                        self.assertEqual(0, client.reply()[0].status)
                        model[offset : offset + size] = bytes(size)
                    case 1 if step % 5 == 0:
                        self.served.server.snapshot(self.frozen(f"s{step}"))
                        snapshots[f"s{step}"] = bytes(model)
                    case 2 if step % 5 == 1:
                        wanted = SIZE - chance.randrange(6 * MIB)
                        self.served.server.volume.resize(wanted)
                        model = model[:wanted].ljust(wanted, b"\0")
                    case 3 | 4 | 5 | 6:
                        data = chance.randbytes(size)
                        self.assertEqual(0, client.write(offset, data))
                        model[offset : offset + size] = data
                    case _:
                        found = client.read(offset, size)
                        self.assertTrue(found == model[offset : offset + size], f"step {step}")
        self.served.server.snapshot(self.frozen("last"))
        snapshots["last"] = bytes(model)
        for name, expected in snapshots.items():
            self.assertTrue(expected == self.content(name), name)
        self.assertEqual(not self.is_pure, min(self.done_in_c()) > 20)

    def test_snapshots_under_load(self) -> None:
        """A snapshot has what was acknowledged before it, and nothing from after it."""
        acknowledged = [0, 0]
        stop = threading.Event()

        def count(number: int, client: DataClient) -> None:
            while not stop.is_set():
                value = acknowledged[number] + 1
                client.write(number * 4096, value.to_bytes(8, "little"))
                acknowledged[number] = value

        with self.served.client() as first, self.served.client() as second:
            threads = [
                threading.Thread(target=count, args=each) for each in enumerate((first, second))
            ]
            for thread in threads:
                thread.start()
            for number in range(10):
                before = list(acknowledged)
                self.served.server.snapshot(self.frozen(f"s{number}"))
                after = list(acknowledged)
                found = self.content(f"s{number}")
                for each in range(2):
                    value = int.from_bytes(found[each * 4096 : each * 4096 + 8], "little")
                    self.assertTrue(before[each] <= value <= after[each] + 1)
            stop.set()
            for thread in threads:
                thread.join()

    def test_read_first(self) -> None:
        """Objects that were read before the volume's first write are written in place after it."""
        with self.served.client() as client:
            client.write(0, b"x" * 10)
        self.served.server.close()
        volume = open_volume(self.served.store, "v", self.served.sessions.fresh())
        self.served.server = type(self.served.server)(
            self.served.store, volume, self.served.gone.append
        )
        with self.served.client() as client:
            self.assertEqual(b"x" * 10, client.read(0, 10))
            for _ in range(3):
                client.write(5, b"y")
            self.assertEqual(b"xxxxxyxxxx", client.read(0, 10))
        self.assertEqual(not self.is_pure, self.done_in_c()[1] >= 2)


class ControlTests(ServedFiles):
    """What else concerns a volume."""

    def test_flush_of_a_few_bytes(self) -> None:
        """A flush after a small write syncs the journal only, whoever wrote."""
        opened = self.served.server.volume.map
        with self.served.client() as client:
            for index in range(2):
                client.write(index * OBJECT_BYTES, b"x")
            self.served.server.volume.sync()
            self.assertEqual(set(), opened.unsynced.logged)
            for index in range(2):
                client.write(index * OBJECT_BYTES + 5, b"y")
            client.ask(op.FLUSH, 9)
            self.assertEqual(0, client.reply()[0].status)
        self.assertEqual(2, len(opened.unsynced.logged))
        self.assertEqual(0 if self.is_pure else 2, self.done_in_c()[1])

    def test_many_flushes(self) -> None:
        """Every flush is answered once, and counted, whoever saw it."""
        with self.served.client() as client, self.served.client() as other:
            for serial in range(1, 100):
                for each in (client, other):
                    each.ask(op.WRITE, serial, offset=serial * 4096, data=b"x")
                    each.ask(op.FLUSH, 1000 + serial)
            for each in (client, other):
                found = [each.reply()[0].serial for _ in range(198)]
                self.assertEqual([*range(1, 100), *range(1001, 1100)], sorted(found))
                each.ask(op.FLUSH, 7)
                each.ask(op.CLOSE, 8)
                self.assertEqual([7, 8], [each.reply()[0].serial for _ in range(2)])
        figures = self.served.server.statistics()
        self.assertEqual(200, figures["operations"]["flush"]["count"])
        self.assertGreaterEqual(figures["largest_flush_group"] * figures["flush_groups"], 200)

    def test_flush_fails(self) -> None:
        """Of flushes that fail every one is told, in both protocols, and counted."""
        with self.served.client() as client, self.served.socket(is_nbd=True) as sock:
            client.ask(op.FLUSH, 1)
            self.assertEqual(0, client.reply()[0].status)
            self.served.server.volume.map.fail(OSError(errno.EIO, "broken"))
            for serial in (2, 3):
                client.ask(op.FLUSH, serial)
                header, text = client.reply()
                self.assertEqual(serial, header.serial)
                self.assertIn(b"not on stable storage", text)
            sock.sendall(REQUEST.pack(numbers.REQUEST_MAGIC, 0, numbers.CMD_FLUSH, 9, 0, 0))
            self.assertEqual(simple(9, numbers.EIO), sock.recv(100))
        figures = self.served.server.statistics()["operations"]["flush"]
        self.assertEqual((4, 3), (figures["count"], figures["errors"]))
        self.addCleanup(self.flushLoggedErrors)

    def test_failed_flush(self) -> None:
        """After a failed flush nothing is written any more."""
        with self.served.client() as client:
            for _ in range(3):
                self.assertEqual(0, client.write(0, b"x"))
            self.served.server.volume.map.fail(OSError(errno.EIO, "broken"))
            self.assertNotEqual(0, client.write(0, b"y"))
            self.assertEqual(b"x", client.read(0, 1))
        self.addCleanup(self.flushLoggedErrors)

    def test_limits(self) -> None:
        """Limits hold from the next request on, and so does their end."""
        with self.served.client() as client:
            client.write(0, b"x")
            client.read(0, 1)
            self.served.server.set_limits(Limits(1000, 0, 1))
            client.read(0, 1)  # what was done before it is counted now
            seen = self.done_in_c()
            for _ in range(5):
                client.read(0, 1)
            self.assertEqual(seen, self.done_in_c())
            self.served.server.set_limits(Limits(0, 0, 0))
            for _ in range(3):
                client.read(0, 1)
            self.assertEqual(not self.is_pure, seen < self.done_in_c())

    def test_figures(self) -> None:
        """Every request is counted once."""
        with self.served.client() as client:
            for _ in range(3):
                client.write(0, b"abc")
            for _ in range(4):
                client.read(0, 2)
        self.served.server.close()
        figures = self.served.server.statistics()["operations"]
        self.assertEqual((3, 9), (figures["write"]["count"], figures["write"]["bytes"]))
        self.assertEqual((4, 8), (figures["read"]["count"], figures["read"]["bytes"]))
        self.served.server.close = lambda: None  # type: ignore[method-assign]

    def test_resize(self) -> None:
        """What was cut off does not come back, and can't be reached meanwhile."""
        with self.served.client() as client:
            client.write(SIZE - 10, b"x" * 10)
            client.read(SIZE - 10, 10)
            self.served.server.volume.resize(SIZE - 5)
            client.ask(op.READ, 1, offset=SIZE - 10, size=10)
            self.assertNotEqual(0, client.reply()[0].status)
            self.assertNotEqual(0, client.write(SIZE - 5, b"y"))
            self.served.server.volume.resize(SIZE)
            self.assertEqual(b"x" * 5 + bytes(5), client.read(SIZE - 10, 10))


class PureContentTests(ContentTests):
    """The same without C."""

    is_pure = "1"


class PureControlTests(ControlTests):
    """The same without C."""

    is_pure = "1"
