"""
The loop in C against plain files: what it reads and writes, and what it must leave alone.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import weakref
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.fast import IS_BUILT
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST, simple
from archipelagod.volume.journal import DATA, pack
from archipelagod.wire import framing, operations
from tests.archipelagod.datapath.disk import BLOCK, OBJECT, Disk, new_file
from tests.archipelagod.datapath.loop_client import Block, Nbd, Pair, Protocolled
from tests.archipelagod.datapath.served_disk import Served

with contextlib.suppress(ImportError):
    from archipelagod.datapath import _fast

if not IS_BUILT:
    skip = "the loop in C was not built: there was no compiler"

KINDS = ["own", "hole", "partial", "orphan", "shared", "slow"]
SIZE = len(KINDS) * OBJECT - 12345

offsets = st.one_of(
    st.integers(0, SIZE - 1),
    st.builds(
        lambda index, delta: min(max(0, index * OBJECT + delta), SIZE - 1),
        st.integers(0, len(KINDS)),
        st.integers(-70000, 70000),
    ),
)
sizes = st.one_of(
    st.integers(1, 5000),
    st.sampled_from([4096, 32768, 65536, 65537, 131072, 1 << 20, (1 << 20) + 1, 3 << 20]),
    st.integers(1, 4 << 20),
)
#: is it a write, offset, size
requests = st.lists(st.tuples(st.booleans(), offsets, sizes), min_size=1, max_size=12)
cuts = st.lists(st.integers(1, 100_000), max_size=20)


Asked = tuple[bool, int, int]


def in_groups(asked: list[Asked]) -> list[list[Asked]]:
    """
    Requests that may be on the way together.  A write to what is being read has to wait: pages that
    were sent from a file and not yet received would show it.
    """
    groups: list[list[Asked]] = [[]]
    for is_write, offset, size in asked:
        one = (is_write, offset, min(size, SIZE - offset))
        if is_write and any(
            not was_write and start < offset + size and offset < start + length
            for was_write, start, length in groups[-1]
        ):
            groups.append([])
        groups[-1].append(one)
    return groups


def talk(
    protocol: Protocolled, model: bytearray, asked: list[Asked]
) -> tuple[bytes, dict[int, bytes]]:
    """
    The requests as bytes, and what is to be read by cookie when they are done in turn.
    """
    sent = b""
    expected = {}
    for cookie, (is_write, offset, size) in enumerate(asked, 1):
        if is_write:
            data = random.Random(cookie * size).randbytes(size)
            model[offset : offset + size] = data
            sent += protocol.write(cookie, offset, data)
            expected[cookie] = b""
        else:
            sent += protocol.read(cookie, offset, size)
            expected[cookie] = bytes(model[offset : offset + size])
    return sent, expected


def answers(pair: Pair, protocol: Protocolled, expected: dict[int, bytes]) -> dict[int, bytes]:
    """All replies by cookie."""
    lengths = {cookie: len(data) for cookie, data in expected.items()}
    return dict(protocol.reply(pair.take, lengths) for _ in expected)


class ContentTests(SynchronousTestCase):
    """What is read is what was written, whatever the objects are made of."""

    def check(self, protocol: Protocolled, asked: list[Asked], cut: list[int]) -> None:
        """The same requests to a disk and to a model of it."""
        disk = Disk(KINDS, SIZE)
        model = disk.content
        pair: Pair | None = None
        for group in in_groups(asked):
            sent, expected = talk(protocol, model, group)
            if pair is None:
                sent, received = sent[50:], sent[:50]
                pair = Pair(disk, protocol, received)
            pair.send(sent, cut)
            found = answers(pair, protocol, expected)
            self.assertTrue(expected == found)  # which are too long to be shown
        assert pair is not None
        pair.close()
        self.assertTrue(model == disk.content)

    @settings(max_examples=12)
    @given(requests, cuts)
    def test_nbd_simple(self, asked: list[Asked], cut: list[int]) -> None:
        """With simple replies."""
        self.check(Nbd(is_structured=False), asked, cut)

    @settings(max_examples=12)
    @given(requests, cuts)
    def test_nbd_structured(self, asked: list[Asked], cut: list[int]) -> None:
        """With structured replies."""
        self.check(Nbd(is_structured=True), asked, cut)

    @settings(max_examples=12)
    @given(requests, cuts)
    def test_block(self, asked: list[Asked], cut: list[int]) -> None:
        """With frames of the block protocol."""
        self.check(Block(), asked, cut)


class TableTests(Served):
    """What Python tells of objects."""

    kinds = ["own", "own", "partial", "hole", "own", "own", "own"]

    def test_direct(self) -> None:
        """Once an object is known Python has nothing to do with it."""
        self.write(5000, b"x" * 10000)
        self.assertEqual(b"x" * 10000, self.read(5000, 10000))
        self.assertEqual(([0], []), (self.disk.asked, self.disk.punted))

    def test_asked_for_all(self) -> None:
        """All objects that a batch needs are asked for before its first request is done."""
        self.pair.send(b"".join(self.protocol.read(1, at * OBJECT, 10) for at in range(3)))
        for _ in range(3):
            self.protocol.reply(self.pair.take, {1: 10})
        self.assertEqual([0, 1, 2], self.disk.asked)

    def test_written(self) -> None:
        """What was written is told once: objects, and ranges with neighbours joined."""
        first = self.protocol.write(1, 100, b"x" * 10) + self.protocol.write(1, 110, b"x" * 20)
        self.pair.send(first + self.protocol.write(1, OBJECT - 1, b"yz"))
        for _ in range(3):
            self.protocol.reply(self.pair.take, {})
        indexes, ranges = self.table.take_written()
        self.assertEqual([0, 1], indexes)
        merged = {(index, inner): size for index, inner, size in ranges or []}
        self.assertEqual(32, sum(merged.values()))
        self.assertIn((0, OBJECT - 1), merged)
        self.assertIn((1, 0), merged)
        self.assertEqual(([], []), self.table.take_written())

    def test_much_written(self) -> None:
        """Of many writes only the objects are told."""
        for at in range(600):
            self.write(at % 2 * OBJECT + at * 100, b"x")
        indexes, ranges = self.table.take_written()
        self.assertEqual(({0, 1}, None), (set(indexes), ranges))
        self.write(0, b"x")
        self.assertEqual(([0], [(0, 0, 1)]), self.table.take_written())

    def test_freeze(self) -> None:
        """A frozen object is read directly, and written by Python only."""
        self.write(0, b"x")
        self.table.freeze()
        self.assertEqual(b"x", self.read(0, 1))
        self.assertEqual([], self.disk.punted)
        self.write(7, b"y")
        self.assertEqual([(7, 1)], self.disk.punted)

    def test_old_knowledge(self) -> None:
        """What was found out before a change is not believed."""
        generation = self.table.generation
        self.table.forget(5)
        fd = self.disk.files[0][0]
        self.assertFalse(self.table.install(0, fd, -1, None, True, fd, generation))
        self.assertTrue(self.table.install(0, fd, -1, None, True, fd, self.table.generation))
        self.assertFalse(self.table.install_zeros(0, self.table.generation))

    def test_forget(self) -> None:
        """A forgotten object is asked for again, and its file let go."""
        self.read(0, 1)
        tag = Tag()
        gone = weakref.ref(tag)
        fd = self.disk.files[1][0]
        self.table.install(1, fd, -1, None, True, tag, self.table.generation)
        del tag
        self.assertIsNotNone(gone())
        self.table.forget(1)
        self.assertIsNone(gone())
        self.read(OBJECT, 1)
        self.assertEqual([0, 1], self.disk.asked)

    def test_limit(self) -> None:
        """No more files are held than agreed; the one that was not used goes."""
        tags = []
        fd = self.disk.files[0][0]
        for index in (0, 1, 4, 5, 6):
            tag = Tag()
            tags.append(weakref.ref(tag))
            self.table.install(index, fd, -1, None, True, tag, self.table.generation)
            del tag
        self.assertEqual(4, sum(tag() is not None for tag in tags))
        for index in range(7):
            self.table.forget(index)
        model = self.disk.content
        for at in random.Random(1).choices(range(7), k=100):
            self.assertEqual(model[at * OBJECT : at * OBJECT + 9], self.read(at * OBJECT, 9))

    def test_resize(self) -> None:
        """Everything is asked for again, and nothing done beyond the end; written is written."""
        self.write(0, b"x")
        self.write(4 * OBJECT, b"x")
        self.table.resize(OBJECT)
        self.disk.size = OBJECT
        self.read(0, 1)
        self.assertEqual([0, 4, 0], self.disk.asked)
        self.pair.send(self.protocol.read(1, OBJECT - 1, 2) + self.protocol.read(1, 0, 1))
        self.protocol.reply(self.pair.take, {1: 1})
        self.assertEqual(1, len(self.pair.odd))
        self.assertEqual(([0], None), self.table.take_written())
        self.table.resize(7 * OBJECT)
        self.disk.size = 7 * OBJECT
        self.read(6 * OBJECT, 1)

    def test_statistics(self) -> None:
        """Requests and bytes, and as many latencies."""
        self.write(0, b"x" * 100)
        self.read(0, 50)
        self.read(0, 200_000)
        self.pair.close()
        reads, writes, _ = self.table.statistics()
        self.assertEqual((200_050, 2), (reads[0], sum(reads[2])))
        self.assertEqual((100, 1), (writes[0], sum(writes[2])))

    def test_fill(self) -> None:
        """Blocks of a partial object that Python wrote are written directly from then on."""
        at = 2 * OBJECT + BLOCK
        self.write(at, b"x")
        self.write(at + 5, b"yz")
        self.assertEqual([(at, 1)], self.disk.punted)
        self.assertEqual(b"yz", self.read(at + 5, 2))

    def test_write_fails(self) -> None:
        """What can't be written is left to Python."""
        with open(f"/proc/self/fd/{self.disk.files[0][0]}", "rb") as file:
            fd = os.dup(file.fileno())
        self.addCleanup(os.close, fd)
        self.table.install(0, fd, -1, None, True, None, self.table.generation)
        self.write(0, b"x")
        self.assertEqual([(0, 1)], self.disk.punted)

    def test_frozen_amid_a_write(self) -> None:
        """The rest of a large write is Python's when the object is frozen meanwhile."""
        data = random.Random(1).randbytes(2 << 20)
        request = self.protocol.write(1, 0, data)
        self.read(0, 1)
        self.pair.theirs.sendall(request[: 1 << 20])
        while os.pread(self.disk.files[0][0], 100, 300_000) != data[300_000:300_100]:
            pass
        self.table.freeze()
        self.pair.theirs.sendall(request[1 << 20 :])
        self.protocol.reply(self.pair.take, {})
        ((start, size),) = self.disk.punted
        self.assertEqual(2 << 20, start + size)
        self.assertGreater(start, 300_000)
        self.assertEqual(data, self.disk.content[: 2 << 20])


class FlushTests(Served):
    """Flushes, once somebody performs them."""

    def flush(self, cookie: int) -> bytes:
        """A request."""
        return REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_FLUSH, cookie, 0, 0)

    def attend(self) -> None:
        """Somebody performs flushes."""
        self.table.wake()
        self.assertEqual(0, self.table.wait_for_flushes(0))

    def test_unattended(self) -> None:
        """Until then they are the caller's."""
        self.pair.theirs.sendall(self.flush(1))
        self.read(0, 1)
        self.assertEqual([(self.flush(1), b"", 0)], self.pair.odd)
        self.assertEqual(0, self.pair.loop.take_flushes())

    def test_group(self) -> None:
        """Those that wait are answered together, by connection, and what was written is known."""
        self.attend()
        other = self.connect()
        self.pair.theirs.sendall(self.protocol.write(1, 5, b"abc") + self.flush(2) + self.flush(3))
        self.protocol.reply(self.pair.take, {})
        other.theirs.sendall(self.flush(4) + self.protocol.read(5, 5, 3))
        other.take(19)
        self.assertEqual(3, self.table.wait_for_flushes(0))
        self.assertEqual(([0], [(0, 5, 3)]), self.table.take_written())
        self.pair.theirs.sendall(self.flush(6))
        self.read(0, 1)
        for owner, *told in self.table.flushed(0, True):
            owner(True, *told)
        self.assertEqual([(True, simple(2) + simple(3), 2)], self.pair.flushed)
        self.assertEqual([(True, simple(4), 1)], other.flushed)
        self.assertEqual(1, self.table.wait_for_flushes(0))
        self.assertEqual(3, sum(self.table.statistics()[2][2]))
        self.assertEqual([], self.pair.odd)
        self.assertEqual(3, self.pair.loop.take_flushes())

    def test_groups(self) -> None:
        """While one group is performed another may begin, and end first."""
        self.attend()
        for cookie, group in ((1, 0), (2, 1)):
            self.pair.theirs.sendall(self.flush(cookie))
            self.read(0, 1)
            self.assertEqual(1, self.table.wait_for_flushes(group))
        told = [told[0][1] for told in (self.table.flushed(1, True), self.table.flushed(0, True))]
        self.assertEqual([simple(2), simple(1)], told)
        self.assertRaises(ValueError, self.table.wait_for_flushes, _fast.MOST_GROUPS)

    def test_failure(self) -> None:
        """Of flushes that failed the requests come back."""
        self.attend()
        self.pair.theirs.sendall(self.flush(1) + self.flush(2))
        self.read(0, 1)
        self.assertEqual(2, self.table.wait_for_flushes(0))
        ((_, *told),) = self.table.flushed(0, False)
        self.assertEqual([self.flush(1) + self.flush(2), 2], told)

    def test_odd(self) -> None:
        """A flush with a flag or a range is the caller's."""
        self.attend()
        odd = [
            REQUEST.pack(n.REQUEST_MAGIC, n.CMD_FLAG_FUA, n.CMD_FLUSH, 1, 0, 0),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_FLUSH, 1, 5, 0),
        ]
        self.pair.theirs.sendall(b"".join(odd))
        self.read(0, 1)
        self.assertEqual(odd, [head for head, _, _ in self.pair.odd])

    def test_block(self) -> None:
        """In the block protocol, too."""
        self.attend()
        pair = Pair(self.disk, Block())
        self.addCleanup(pair.close)
        flush = framing.pack(framing.REQUEST, operations.FLUSH, 9)
        pair.theirs.sendall(flush)
        self.assertEqual(1, self.table.wait_for_flushes(0))
        reply = framing.pack(framing.REPLY, operations.FLUSH, 9)
        self.assertEqual([[reply, 1]], [told for _, *told in self.table.flushed(0, True)])

    def test_gone(self) -> None:
        """Who is gone is told, too, and let go of then; who waits for ever is so with the table."""
        self.attend()
        disk = Disk(["own"], OBJECT)
        disk.table.wake()
        disk.table.wait_for_flushes(0)
        for number in range(2):
            pair = Pair(disk, self.protocol)
            pair.theirs.sendall(self.flush(1) + self.protocol.read(2, 0, 1))
            pair.take(17)
            pair.close()
            if not number:
                self.assertEqual(1, disk.table.wait_for_flushes(0))
                self.assertEqual(1, len(disk.table.flushed(0, True)))
            gone = weakref.ref(pair.flushed)
            del pair
            if not number:
                self.assertIsNone(gone())
        self.assertIsNotNone(gone())
        del disk
        self.assertIsNone(gone())


class GatherTests(SynchronousTestCase):
    """What a journal gets of objects."""

    @settings(max_examples=60)
    @given(
        st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 70_000)), max_size=5),
        st.integers(0, 2**32 - 1),
    )
    def test_as_python(self, parts: list[tuple[int, int]], salt: int) -> None:
        """Byte by byte what Python would write; zeros behind the end."""
        content = random.Random(salt).randbytes(65_000)
        fd = new_file(content)
        expected = b""
        for inner, size in parts:
            data = content[inner : inner + size].ljust(size, b"\0")
            summed = size << 32 | zlib.crc32(data)
            expected += pack(DATA, inner, 1 << 40, 7, summed, salt) + data
        found = _fast.gather([(fd, 1 << 40, *part) for part in parts], 7, salt)
        self.assertTrue(expected == found)

    def test_failure(self) -> None:
        """What can't be read is an error."""
        self.assertRaises(OSError, _fast.gather, [(-1, 1, 0, 5)], 0, 0)
        self.assertRaises(TypeError, _fast.gather, [(1, 2, 3)], 0, 0)


class BypassTests(Served):
    """When nothing is to be served here."""

    def test_bypass(self) -> None:
        """What was received comes back, from the next request on."""
        first, second = self.protocol.read(1, 0, 5), self.protocol.write(1, 0, b"abc")
        self.write(0, b"x")
        self.table.bypass(True)
        self.pair.theirs.sendall(first + second)
        while len(self.pair.returned) < len(first + second):
            pass
        self.assertEqual(first + second, self.pair.returned)
        self.table.bypass(False)


class Tag:
    """Something to be kept."""


class OthersTests(Served):
    """A client that does not read or write bothers nobody else."""

    def test_unread(self) -> None:
        """Changes go on, and other connections, while a client does not read a large answer."""
        self.pair.send(self.protocol.read(1, 0, 4 << 20) * 4)
        other = self.connect()
        self.write(5, b"x", other)
        self.table.forget(0)
        self.table.freeze()
        self.write(5, b"y", other)
        for _ in range(4):
            self.protocol.reply(self.pair.take, {1: 4 << 20})

    def test_half_sent(self) -> None:
        """Neither does one that sends half of a large write."""
        self.pair.theirs.sendall(self.protocol.write(1, 0, b"x" * (1 << 20))[: 1 << 19])
        other = self.connect()
        self.write(5 << 19, b"x", other)
        self.table.forget(0)

    def test_posted(self) -> None:
        """Who wanted to send while a large answer went out is called afterwards."""
        self.pair.send(self.protocol.read(1, 0, 4 << 20))
        self.pair.take(1)
        while self.pair.lock.acquire(blocking=False):
            self.pair.lock.release()
        self.pair.take((4 << 20) + 15)
        self.read(0, 1)
        self.assertGreaterEqual(self.pair.posted, 1)
        self.assertTrue(self.pair.lock.acquire())
        self.assertFalse(self.pair.lock.acquire(blocking=False))
        self.pair.lock.release()

    def test_many(self) -> None:
        """Connections read and write their own parts while entries come and go."""
        stop = threading.Event()

        def change() -> None:
            chance = random.Random(1)
            while not stop.is_set():
                self.table.forget(chance.randrange(2))
                self.table.freeze()
                self.table.fill(chance.randrange(2), 5, 7)
                self.table.take_written()

        def use(number: int, pair: Pair) -> None:
            chance = random.Random(number)
            for _ in range(150):
                data = chance.randbytes(chance.choice([10, 4096, 100_000]))
                at = number * (2 << 20) + chance.randrange(1 << 20)
                self.write(at, data, pair)
                pair.send(self.protocol.read(1, at, len(data)))
                found = self.protocol.reply(pair.take, {1: len(data)})[1]
                if found != data:
                    wrong.append((at, len(data)))

        wrong: list[tuple[int, int]] = []
        changing = threading.Thread(target=change)
        changing.start()
        pairs = [self.connect() for _ in range(4)]
        threads = [threading.Thread(target=use, args=each) for each in enumerate(pairs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        changing.join()
        self.assertEqual([], wrong)


class MalformedTests(Served):
    """Bytes that are no requests."""

    def test_nbd(self) -> None:
        """A bad magic, a goodbye and a write of more than 32 MiB end the connection."""
        for head in (
            REQUEST.pack(1, 0, n.CMD_READ, 1, 0, 1),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_DISC, 1, 0, 0),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_WRITE, 1, 0, (32 << 20) + 1),
        ):
            pair = self.connect()
            pair.theirs.sendall(self.protocol.read(7, 0, 1) + head)
            self.assertEqual(7, self.protocol.reply(pair.take, {7: 1})[0])
            self.assertEqual(b"", pair.theirs.recv(1))

    def test_left_to_python(self) -> None:
        """What is no plain request goes to Python with its payload, and what follows is served."""
        odd = [
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_FLUSH, 1, 0, 0),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, 1, 2 * OBJECT, 1),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, 1, (1 << 64) - 1, 2),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, 1, 0, 0),
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_WRITE, 1, 2 * OBJECT - 1, 2) + b"ab",
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_WRITE, 1, 1 << 63, 100_000) + bytes(100_000),
        ]
        self.pair.theirs.sendall(b"".join(odd))
        self.assertEqual(1, len(self.read(0, 1)))
        self.assertEqual(odd, [head + payload for head, payload, _ in self.pair.odd])

    def test_block(self) -> None:
        """A damaged header goes to Python, which has words for it; so does what is no plain one."""
        protocol = Block()
        good = protocol.read(1, 0, 1)
        damaged = good[:20] + b"\1" + good[21:]
        named = framing.pack(framing.REQUEST, operations.READ, 1, target_bytes=3, data_bytes=4)
        pair = Pair(self.disk, protocol)
        self.addCleanup(pair.close)
        pair.theirs.sendall(damaged + named + b"abcdefg" + good)
        protocol.reply(pair.take, {})
        self.assertEqual([(damaged, b"", 0), (named, b"abcdefg", 0)], pair.odd)

    @settings(max_examples=40)
    @given(st.binary(max_size=2000), st.sampled_from(["simple", "structured", "block"]))
    def test_noise(self, noise: bytes, kind: str) -> None:
        """Whatever comes, the connection ends when the client does."""
        protocol = Block() if kind == "block" else Nbd(is_structured=kind == "structured")
        pair = Pair(Disk(["hole"], OBJECT), protocol, protocol.read(1, 0, 1))
        with contextlib.suppress(OSError):  # it ends at the first bad byte
            pair.theirs.sendall(protocol.read(1, 5, 2) + noise)
        pair.close()
