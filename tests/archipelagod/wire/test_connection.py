"""
The server's side: clients that don't keep to the grammar, windows, and what a client may cost.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from archipelagod.wire import connection, handshake, progress, strangers
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, NoSuchVolume, NotAuthenticated, StorageUnavailable
from archipelagod.wire.frames import ERROR, PROGRESS, REPLY, REQUEST, Frame, encode
from tests.archipelagod.running import until
from tests.archipelagod.wire.client_contract import MIB
from tests.archipelagod.wire.raw import connected, introduced
from tests.archipelagod.wire.serving import WireCase, reactor


class StrangerTests(WireCase):
    """Clients that are not known yet."""

    async def _answer_to(self, *sent: Frame | bytes) -> list[Frame]:
        await self.serve()
        raw = await connected(self.wire)
        raw.send(*sent)
        return await raw.ended

    async def test_garbage(self) -> None:
        """Garbage gets an error frame, then the end."""
        found = await self._answer_to(b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")
        self.assertEqual([(f.kind, f.status) for f in found], [(ERROR, BadRequest.status)])

    async def test_no_hello(self) -> None:
        """Nothing is done before HELLO."""
        found = await self._answer_to(Frame(REQUEST, op.LIST, 1))
        self.assertEqual([(f.kind, f.status) for f in found], [(ERROR, NotAuthenticated.status)])

    async def test_nothing_before_authenticate(self) -> None:
        """Nothing but AUTHENTICATE is done after HELLO, whatever the operation."""
        await self.serve()
        await self.volumes.create("v", MIB)
        for operation in (op.HELLO, op.OPEN, op.READ, op.CREATE, op.DELETE, op.GC, 0, 65535):
            raw = await connected(self.wire)
            said = handshake.hello(bytes(32))
            raw.send(Frame(REQUEST, op.HELLO, 1, data=said))
            raw.send(Frame(REQUEST, operation, 2, target="v", size=1))
            found = await raw.ended
            self.assertEqual(found[-1].status, NotAuthenticated.status)
        self.assertEqual(list(self.volumes.volumes), ["v"])
        self.assertEqual(self.volumes.of("v").attached, [])

    async def test_large_before_hello(self) -> None:
        """Strangers can't make the daemon hold much."""
        found = await self._answer_to(encode(Frame(REQUEST, op.HELLO, 1, data=bytes(1000)))[:48])
        self.assertEqual([f.kind for f in found], [ERROR])

    async def test_wrong_proof(self) -> None:
        """A wrong proof is refused, and what comes behind it is not done."""
        found = await self._answer_to(
            Frame(REQUEST, op.HELLO, 1, data=handshake.hello(bytes(32))),
            Frame(REQUEST, op.AUTHENTICATE, 2, data=bytes(32)),
            Frame(REQUEST, op.CREATE, 3, target="v", size=1),
        )
        self.assertEqual(found[-1].status, NotAuthenticated.status)
        self.assertEqual(self.volumes.volumes, {})

    async def test_other_version(self) -> None:
        """A client that speaks only other versions is told so, also one of version 1."""
        await self.serve()
        old = handshake.hello(bytes(32), 1, 1)[:36]  # as long as version 1 had it
        for said in (handshake.hello(bytes(32), 3, 9), old):
            raw = await connected(self.wire)
            raw.send(Frame(REQUEST, op.HELLO, 1, data=said))
            found = await raw.ended
            self.assertEqual([f.kind for f in found], [ERROR])
            self.assertIn(b"versions 2 to 2", found[0].data)

    async def test_newer_client(self) -> None:
        """A client that speaks later versions too, and says more, is served with ours."""
        await self.serve()
        raw = await connected(self.wire)
        said = handshake.hello(bytes(32), 2, 9, features=0xFFFF) + b"and more"
        raw.send(Frame(REQUEST, op.HELLO, 1, data=said))
        await raw.until(1)
        greeted = raw.frames[0].data
        self.assertEqual(greeted[:2], b"\2\0")
        self.assertEqual(int.from_bytes(greeted[8:16], "little"), op.FEATURES)
        raw.transport.loseConnection()  # type: ignore[union-attr]
        await raw.ended

    async def test_silent(self) -> None:
        """Who says nothing is disconnected."""
        self.patch(connection, "HELLO_TIMEOUT_S", 0.1)
        found = await self._answer_to(b"SNFB")
        self.assertEqual([f.kind for f in found], [ERROR])

    async def test_many(self) -> None:
        """Strangers can't keep others out: the oldest has to go."""
        await self.serve()
        crowd = [await connected(self.wire) for _ in range(strangers.MAX_STRANGERS)]
        client = self.client()
        self.assertEqual(await client.list(), [])
        found = await crowd[0].ended
        self.assertEqual([f.kind for f in found], [ERROR])
        for raw in crowd[1:]:
            raw.transport.loseConnection()  # type: ignore[union-attr]
        await crowd[-1].ended


class SlowVolumes:
    """
    Reads wait until they are let go; counts them.
    """

    def __init__(self, volumes: Any) -> None:
        self.waiting: list[Deferred[None]] = []
        self._read = volumes.read

    async def read(self, volume: str, offset: int, size: int) -> bytes:
        """See IVolumes."""
        waiter: Deferred[None] = Deferred()
        self.waiting.append(waiter)
        await waiter
        found: bytes = await self._read(volume, offset, size)
        return found


class WindowTests(WireCase):
    """What a client that is known may cost."""

    async def _slow(self) -> SlowVolumes:
        await self.serve()
        await self.volumes.create("v", 8 * MIB)
        slow = SlowVolumes(self.volumes)
        self.volumes.read = slow.read  # type: ignore[method-assign]
        return slow

    async def test_window(self) -> None:
        """No more than the window are in work, and replies come as requests finish."""
        slow = await self._slow()
        raw = await introduced(self.wire, window=4)
        raw.send(*(Frame(REQUEST, op.READ, n, target="v", size=1) for n in range(10)))
        await until(lambda: len(slow.waiting) == 4, "four in work")
        await deferLater(reactor, 0.05)
        self.assertEqual(len(slow.waiting), 4)
        slow.waiting[2].callback(None)
        await raw.until(1)
        self.assertEqual(raw.frames[0].serial, 2)
        self.assertEqual(len(slow.waiting), 5)
        for number in (0, 1, *range(3, 10)):
            await until(lambda number=number: len(slow.waiting) > number, "another in work")
            slow.waiting[number].callback(None)
        await raw.until(10)
        raw.transport.loseConnection()  # type: ignore[union-attr]

    async def test_bytes_in_work(self) -> None:
        """Large requests are fewer at a time."""
        slow = await self._slow()
        raw = await introduced(self.wire)
        raw.send(*(Frame(REQUEST, op.READ, n, target="v", size=4 * MIB) for n in range(10)))
        await until(lambda: len(slow.waiting) == 2, "two in work")
        await deferLater(reactor, 0.05)
        self.assertEqual(len(slow.waiting), op.WORK_BYTES // (4 * MIB))
        raw.transport.abortConnection()  # type: ignore[union-attr]
        await raw.ended
        for waiter in slow.waiting:
            waiter.callback(None)
        self.assertEqual(len(slow.waiting), 2)

    async def test_does_not_read(self) -> None:
        """A client that asks and does not read is left alone, costs little, and has to go."""
        self.patch(connection, "STUFFED_TIMEOUT_S", 0.5)
        client = await self.started()
        await client.create("v", 8 * MIB)
        done = 0
        read = self.volumes.read

        async def counted(volume: str, offset: int, size: int) -> bytes:
            nonlocal done
            done += 1
            return await read(volume, offset, size)

        self.volumes.read = counted  # type: ignore[method-assign]
        raw = await introduced(self.wire)
        raw.transport.pauseProducing()  # type: ignore[union-attr]
        raw.send(*(Frame(REQUEST, op.READ, n, target="v", size=MIB) for n in range(1000)))
        await until(lambda: done > 0, "something was read")
        await deferLater(reactor, 0.2)
        self.assertLessEqual(done * MIB, op.WORK_BYTES + MIB)
        self.assertEqual(await client.read("v", 0, 1), b"\0")
        await deferLater(reactor, 0.6)
        raw.transport.resumeProducing()  # type: ignore[union-attr]
        await raw.ended
        self.assertLess(len(raw.frames), 20)

    async def test_progress(self) -> None:
        """News goes to who asked for it, about as often as promised."""
        self.patch(progress, "TELL_S", 0.05)
        await self.serve()
        ended: Deferred[None] = Deferred()

        async def gc(tell: Any = None) -> dict[str, Any]:
            if tell is not None:
                tell(3, 7)
            await ended
            return {}

        self.volumes.gc = gc  # type: ignore[method-assign]
        raw = await introduced(self.wire)
        raw.send(Frame(REQUEST, op.GC, 5, flags=op.FLAG_PROGRESS))
        await raw.until(2)
        told = {(f.kind, f.serial, f.size, f.offset) for f in raw.frames}
        self.assertEqual(told, {(PROGRESS, 5, 3, 7)})
        quiet = await introduced(self.wire, features=0)
        quiet.send(Frame(REQUEST, op.GC, 6, flags=op.FLAG_PROGRESS))
        ended.callback(None)
        await quiet.until(1)
        self.assertEqual([f.kind for f in quiet.frames], [REPLY])
        for each in (raw, quiet):
            each.transport.loseConnection()  # type: ignore[union-attr]

    async def test_features(self) -> None:
        """What was not agreed on is refused."""
        await self.serve()
        await self.volumes.create("v", MIB)
        raw = await introduced(self.wire, features=0)
        operations = (op.OPEN, op.PUT_BLOCK, op.HAVE_BLOCKS, 99)
        raw.send(*(Frame(REQUEST, number, number, target="v") for number in operations))
        await raw.until(4)
        self.assertEqual({f.status for f in raw.frames}, {BadRequest.status})
        raw.transport.loseConnection()  # type: ignore[union-attr]

    async def test_defect(self) -> None:
        """A defect of the daemon is logged, and told to who met it; others go on."""
        await self.serve()
        await self.volumes.create("v", MIB)

        async def statistics() -> Any:
            raise ZeroDivisionError

        self.volumes.statistics = statistics  # type: ignore[method-assign]
        raw = await introduced(self.wire)
        raw.send(Frame(REQUEST, op.STATISTICS, 1), Frame(REQUEST, op.INFO, 2, target="v"))
        await raw.until(2)
        self.assertEqual([f.status for f in raw.frames], [StorageUnavailable.status, 0])
        self.assertNotIn(b"Zero", raw.frames[0].data)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        raw.transport.loseConnection()  # type: ignore[union-attr]

    async def test_many_at_once(self) -> None:
        """Thousands of small requests in one go, all refused at once, are all answered."""
        await self.serve()
        raw = await introduced(self.wire)
        raw.send(b"".join(encode(Frame(REQUEST, 99, n)) for n in range(5000)))
        await raw.until(5000)
        self.assertEqual([f.serial for f in raw.frames], list(range(5000)))
        raw.transport.loseConnection()  # type: ignore[union-attr]


class OpenTests(WireCase):
    """OPEN seen from the wire."""

    async def test_sent_ahead(self) -> None:
        """Requests sent before the reply to OPEN are served, by whoever serves the volume."""
        await self.serve()
        await self.volumes.create("v", MIB)
        raw = await introduced(self.wire)
        raw.send(
            Frame(REQUEST, op.WRITE, 1, target="v", data=b"before"),
            Frame(REQUEST, op.OPEN, 2, target="v"),
            Frame(REQUEST, op.READ, 3, size=6),
            Frame(REQUEST, op.CLOSE, 4),
        )
        found = await raw.ended
        self.assertEqual([(f.serial, f.status) for f in found], [(n, 0) for n in (1, 2, 3, 4)])
        self.assertEqual((found[1].size, found[2].data), (MIB, b"before"))

    async def test_refused(self) -> None:
        """After a refused OPEN the connection goes on as it was, with what was sent ahead."""
        await self.serve()
        await self.volumes.create("v", MIB)
        raw = await introduced(self.wire)
        raw.send(
            Frame(REQUEST, op.OPEN, 1, target="absent"),
            Frame(REQUEST, op.OPEN, 2, target="v", data=b"x"),
            Frame(REQUEST, op.INFO, 3, target="v"),
        )
        await raw.until(3)
        self.assertEqual(
            [(f.serial, f.status) for f in raw.frames],
            [(1, NoSuchVolume.status), (2, BadRequest.status), (3, 0)],
        )
        raw.transport.loseConnection()  # type: ignore[union-attr]

    async def test_refused_often(self) -> None:
        """Thousands of OPENs sent ahead that can't be are refused each."""
        await self.serve()
        raw = await introduced(self.wire)
        count = 3000
        raw.send(*(Frame(REQUEST, op.OPEN, serial, data=b"?") for serial in range(3, count + 3)))
        await raw.until(count)
        self.assertEqual({frame.status for frame in raw.frames[-count:]}, {BadRequest.status})
        self.assertEqual([f.serial for f in raw.frames[-count:]], list(range(3, count + 3)))
        raw.transport.loseConnection()  # type: ignore[union-attr]
        await raw.ended

    async def test_gone_meanwhile(self) -> None:
        """A client that goes while its volume is opened leaves no claim on it."""
        await self.serve()
        await self.volumes.create("v", MIB)
        raw = await introduced(self.wire)
        raw.send(Frame(REQUEST, op.OPEN, 1, target="v"))
        raw.transport.abortConnection()  # type: ignore[union-attr]
        await raw.ended
        volume = self.volumes.of("v")
        await until(lambda: not volume.attached, "no claim")

    async def test_owners(self) -> None:
        """Without a number the process at the other end is the owner; a number stands for more."""
        await self.serve()
        await self.volumes.create("v", MIB)
        for offset, owner in ((0, os.getpid()), (5, "client 5")):
            raw = await introduced(self.wire)
            raw.send(Frame(REQUEST, op.OPEN, 1, target="v", offset=offset))
            await raw.until(1)
            self.assertEqual(self.volumes.of("v").attached, [owner])
            raw.send(Frame(REQUEST, op.CLOSE, 2))
            await raw.ended

    async def test_bad_frame_after_open(self) -> None:
        """A data connection ends with an error frame too."""
        await self.serve()
        await self.volumes.create("v", MIB)
        raw = await introduced(self.wire)
        raw.send(Frame(REQUEST, op.OPEN, 1, target="v"), b"x" * 100)
        found = await raw.ended
        self.assertEqual([f.kind for f in found], [REPLY, ERROR])
