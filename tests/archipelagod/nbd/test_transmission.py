"""
Requests and replies, as a client of our own sees them: what QEMU's programs don't send.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.threads import deferToThread

from archipelagod.nbd import numbers as n
from archipelagod.service import build_service
from tests.archipelagod.nbd.raw import Chunk, RawClient, request
from tests.archipelagod.running import MIB, StorageCase, reactor

T = TypeVar("T")
OBJECT = 4 * MIB


class RawCase(StorageCase):
    """Has a daemon with the volume "v", and raw clients of it."""

    structured = False
    size = MIB

    async def talk(
        self, conversation: Callable[[RawClient], T], *, sealed: bool = False, **more: Any
    ) -> T:
        """What ``conversation`` returns, in a thread."""
        await self.serve(datapath="inline", **more)
        client = self.client()
        await client.create("v", self.size)
        if sealed:
            await client.seal("v")
        return await deferToThread(self._talk, conversation)

    def _talk(self, conversation: Callable[[RawClient], T]) -> T:
        raw = RawClient(self.nbd_socket, structured=self.structured)
        try:
            return conversation(raw)
        finally:
            raw.close()


class SimpleTests(RawCase):
    """Without structured replies."""

    async def errors(self, *requests: bytes, count: int, **more: Any) -> list[tuple[int, int]]:
        """Errors and cookies of replies without data."""

        def conversation(raw: RawClient) -> list[tuple[int, int]]:
            raw.send(*requests)
            return raw.errors(count)

        return await self.talk(conversation, **more)

    async def test_errors(self) -> None:
        """Each mistake has its number, and the connection goes on."""
        found = await self.errors(
            request(n.CMD_READ, MIB - 1, 2, cookie=1),
            request(n.CMD_WRITE, MIB - 1, 2, cookie=2) + b"xx",
            request(n.CMD_TRIM, MIB, 1, cookie=3),
            request(99, 0, 0, cookie=4),
            request(n.CMD_WRITE, 0, 1, flags=1 << 9, cookie=5) + b"x",
            request(n.CMD_BLOCK_STATUS, 0, 1, cookie=6),
            request(n.CMD_READ, 0, 33 * MIB, cookie=7),
            request(n.CMD_CACHE, 0, MIB, cookie=8),
            request(n.CMD_CACHE, 1, MIB, cookie=9),
            request(n.CMD_WRITE, 2**64 - 1, 1, cookie=10) + b"x",
            request(n.CMD_WRITE_ZEROES, MIB, 1, cookie=11),
            request(n.CMD_WRITE_ZEROES, MIB, 1, flags=n.CMD_FLAG_NO_HOLE, cookie=12),
            request(n.CMD_FLUSH, 0, 1, cookie=13),
            request(n.CMD_READ, 0, 1, flags=n.CMD_FLAG_DF, cookie=14),
            request(n.CMD_TRIM, 0, 1, flags=n.CMD_FLAG_NO_HOLE, cookie=15),
            request(n.CMD_READ, 2**63, 2**31, cookie=16),
            count=16,
        )
        self.assertEqual(
            found,
            [
                (n.EINVAL, 1),
                (n.ENOSPC, 2),
                (n.EINVAL, 3),
                (n.EINVAL, 4),
                (n.EINVAL, 5),
                (n.EINVAL, 6),
                (n.EINVAL, 7),
                (0, 8),
                (n.EINVAL, 9),
                (n.ENOSPC, 10),
                (n.ENOSPC, 11),
                (n.ENOSPC, 12),
                (n.EINVAL, 13),
                (n.EINVAL, 14),
                (n.EINVAL, 15),
                (n.EINVAL, 16),
            ],
        )

    async def test_read_only(self) -> None:
        """Whatever would change a read-only export is refused."""
        found = await self.errors(
            request(n.CMD_WRITE, 0, 1, cookie=1) + b"x",
            request(n.CMD_TRIM, 0, 4096, cookie=2),
            request(n.CMD_WRITE_ZEROES, 0, 4096, cookie=3),
            request(n.CMD_WRITE_ZEROES, 0, 4096, flags=n.CMD_FLAG_NO_HOLE, cookie=4),
            request(n.CMD_FLUSH, 0, 0, cookie=5),
            count=5,
            sealed=True,
        )
        self.assertEqual(sorted(found), [(0, 5)] + [(n.EPERM, cookie) for cookie in (1, 2, 3, 4)])

    async def test_nothing(self) -> None:
        """Requests of no bytes are answered."""
        found = await self.errors(
            request(n.CMD_WRITE, 0, 0, cookie=1),
            request(n.CMD_READ, 5, 0, cookie=2),
            request(n.CMD_TRIM, 0, 0, cookie=3),
            request(n.CMD_WRITE_ZEROES, MIB, 0, cookie=4),
            request(n.CMD_CACHE, MIB, 0, cookie=5),
            count=5,
        )
        self.assertEqual(found, [(0, cookie) for cookie in (1, 2, 3, 4, 5)])

    async def test_fast_zeroes(self) -> None:
        """Fast zeroes are done where no data has to be written, and refused elsewhere."""
        fast = n.CMD_FLAG_FAST_ZERO
        found = await self.errors(
            request(n.CMD_WRITE_ZEROES, 0, MIB, flags=fast, cookie=1),
            request(n.CMD_WRITE_ZEROES, 4096, 8192, flags=fast | n.CMD_FLAG_FUA, cookie=2),
            request(n.CMD_WRITE_ZEROES, 1, 4096, flags=fast, cookie=3),
            request(n.CMD_WRITE_ZEROES, 0, 4097, flags=fast, cookie=4),
            request(n.CMD_WRITE_ZEROES, 0, 4096, flags=fast | n.CMD_FLAG_NO_HOLE, cookie=5),
            request(n.CMD_WRITE_ZEROES, 1, 4096, cookie=6),
            count=6,
        )
        self.assertEqual(
            sorted(found, key=lambda reply: reply[1]),
            [(0, 1), (0, 2), (n.ENOTSUP, 3), (n.ENOTSUP, 4), (n.ENOTSUP, 5), (0, 6)],
        )

    async def test_refused_fast_zero_changes_nothing(self) -> None:
        """A refusal leaves the data as it was."""

        def conversation(raw: RawClient) -> bytes:
            raw.send(request(n.CMD_WRITE, 0, 512), b"\7" * 512)
            raw.send(request(n.CMD_WRITE_ZEROES, 0, 512, flags=n.CMD_FLAG_FAST_ZERO))
            self.assertEqual(raw.errors(2), [(0, 1), (n.ENOTSUP, 1)])
            raw.send(request(n.CMD_READ, 0, 512))
            return raw.chunk(512).body

        self.assertEqual(await self.talk(conversation), b"\7" * 512)

    async def test_overlapping(self) -> None:
        """Of writes that overlap on one connection the later one wins."""

        def conversation(raw: RawClient) -> bytes:
            for value in range(50):
                raw.send(request(n.CMD_WRITE, value, 4096, cookie=value), bytes([value]) * 4096)
            raw.send(request(n.CMD_READ, 0, 4096, cookie=99))
            self.assertEqual(raw.errors(50), [(0, value) for value in range(50)])
            return raw.chunk(4096).body

        found = await self.talk(conversation)
        self.assertEqual(found, bytes(range(49)) + bytes([49]) * (4096 - 49))

    async def test_broken_request(self) -> None:
        """A request without the magic ends the connection."""

        def conversation(raw: RawClient) -> bool:
            raw.send(b"x" * 28)
            return raw.is_ended()

        self.assertTrue(await self.talk(conversation))

    async def test_endless_write(self) -> None:
        """A write of more than was promised ends the connection."""

        def conversation(raw: RawClient) -> bool:
            raw.send(request(n.CMD_WRITE, 0, 2**32 - 1))
            return raw.is_ended()

        self.assertTrue(await self.talk(conversation))

    async def test_largest(self) -> None:
        """The largest write and read that were promised work; so does one more byte of zeroes."""
        self.size = 64 * MIB

        def conversation(raw: RawClient) -> bytes:
            raw.send(request(n.CMD_WRITE, 5, 32 * MIB), b"\7" * (32 * MIB))
            raw.send(request(n.CMD_WRITE_ZEROES, 32 * MIB, 32 * MIB))
            self.assertEqual(raw.errors(2), [(0, 1), (0, 1)])
            raw.send(request(n.CMD_READ, 5, 32 * MIB))
            return raw.chunk(32 * MIB).body

        found = await self.talk(conversation)
        self.assertEqual(found, b"\7" * (32 * MIB - 5) + bytes(5))

    async def test_flush_is_answered_behind_writes(self) -> None:
        """A flush in the midst of writes is answered, once."""
        requests: list[bytes] = []
        for cookie in range(0, 40, 2):
            requests.append(request(n.CMD_WRITE, cookie * 512, 512, cookie=cookie))
            requests.append(bytes(512))
            requests.append(request(n.CMD_FLUSH, 0, 0, cookie=cookie + 1))
        found = await self.errors(*requests, count=40)
        self.assertEqual(sorted(found), [(0, cookie) for cookie in range(40)])

    async def test_disconnect(self) -> None:
        """DISC ends the connection without a reply."""

        def conversation(raw: RawClient) -> bool:
            raw.send(request(n.CMD_DISC, 0, 0))
            return raw.is_ended()

        self.assertTrue(await self.talk(conversation))


class StructuredTests(RawCase):
    """With structured replies and block status."""

    structured = True
    size = 12 * MIB

    async def test_large_read_leaves_holes_out(self) -> None:
        """A read across objects tells holes from data."""

        def conversation(raw: RawClient) -> list[Chunk]:
            raw.send(request(n.CMD_WRITE, OBJECT, OBJECT), b"\7" * OBJECT)
            self.assertEqual(raw.errors(1), [(0, 1)])
            raw.send(request(n.CMD_READ, 10, 12 * MIB - 20, cookie=5))
            return raw.chunks()

        found = await self.talk(conversation)
        self.assertEqual(
            [(chunk.kind, chunk.flags, chunk.cookie) for chunk in found],
            [(n.CHUNK_OFFSET_HOLE, 0, 5), (n.CHUNK_OFFSET_DATA, 0, 5), (n.CHUNK_OFFSET_HOLE, 1, 5)],
        )
        self.assertEqual(found[0].body, struct.pack(">QI", 10, OBJECT - 10))
        self.assertEqual(found[1].body, struct.pack(">Q", OBJECT) + b"\7" * OBJECT)
        self.assertEqual(found[2].body, struct.pack(">QI", 2 * OBJECT, OBJECT - 10))

    async def test_unfragmented(self) -> None:
        """DF gets one chunk, with zeros for the holes."""

        def conversation(raw: RawClient) -> list[Chunk]:
            raw.send(request(n.CMD_WRITE, OBJECT, 1), b"\7")
            self.assertEqual(raw.errors(1), [(0, 1)])
            raw.send(request(n.CMD_READ, OBJECT - 2, 5, flags=n.CMD_FLAG_DF))
            raw.send(request(n.CMD_READ, 0, 5, flags=n.CMD_FLAG_DF))
            return raw.chunks() + raw.chunks()

        found = await self.talk(conversation)
        self.assertEqual([chunk.body[8:] for chunk in found], [b"\0\0\7\0\0", bytes(5)])

    async def test_errors(self) -> None:
        """Reads and block status fail with a chunk that has words; others with a simple reply."""

        def conversation(raw: RawClient) -> list[Chunk]:
            raw.send(
                request(n.CMD_READ, 12 * MIB, 1, cookie=1),
                request(n.CMD_READ, 0, 33 * MIB, cookie=2),
                request(n.CMD_BLOCK_STATUS, 0, 0, cookie=3),
                request(n.CMD_BLOCK_STATUS, 12 * MIB, 1, cookie=4),
                request(n.CMD_BLOCK_STATUS, 0, 1, flags=n.CMD_FLAG_DF, cookie=5),
                request(n.CMD_TRIM, 12 * MIB, 1, cookie=6),
            )
            return [raw.chunk() for _ in range(6)]

        found = await self.talk(conversation)
        self.assertEqual(
            [(chunk.kind, chunk.error) for chunk in found],
            [
                (n.CHUNK_ERROR, n.EINVAL),
                (n.CHUNK_ERROR, n.EOVERFLOW),
                (n.CHUNK_ERROR, n.EINVAL),
                (n.CHUNK_ERROR, n.EINVAL),
                (n.CHUNK_ERROR, n.EINVAL),
                ("simple", n.EINVAL),
            ],
        )
        for chunk in found[:5]:
            (size,) = struct.unpack_from(">H", chunk.body, 4)
            self.assertEqual(len(chunk.body), 6 + size)
            self.assertGreater(size, 5)

    async def test_read_of_nothing(self) -> None:
        """A read of no bytes has a reply without content, at the very end too."""

        def conversation(raw: RawClient) -> list[Chunk]:
            for offset in (5, 12 * MIB, 12 * MIB + 1):
                raw.send(request(n.CMD_READ, offset, 0))
            return [raw.chunk() for _ in range(3)]

        found = await self.talk(conversation)
        nothing = Chunk(1, n.CHUNK_NONE, n.CHUNK_FLAG_DONE, b"")
        self.assertEqual(found[:2], [nothing, nothing])
        self.assertEqual(found[2].error, n.EINVAL)

    async def test_write_of_nothing(self) -> None:
        """A write of no bytes at the very end is done."""

        def conversation(raw: RawClient) -> list[tuple[int, int]]:
            raw.send(request(n.CMD_WRITE, 12 * MIB, 0))
            return raw.errors(1)

        self.assertEqual(await self.talk(conversation), [(0, 1)])

    async def test_block_status(self) -> None:
        """Extents alternate, and cover what was asked; REQ_ONE gets one."""

        def conversation(raw: RawClient) -> list[bytes]:
            raw.send(request(n.CMD_WRITE, OBJECT, OBJECT), b"\7" * OBJECT)
            self.assertEqual(raw.errors(1), [(0, 1)])
            raw.send(request(n.CMD_BLOCK_STATUS, 512, 12 * MIB - 512))
            raw.send(request(n.CMD_BLOCK_STATUS, 512, 8 * MIB, flags=n.CMD_FLAG_REQ_ONE))
            return [raw.chunk().body, raw.chunk().body]

        found, one = await self.talk(conversation)
        hole = n.STATE_HOLE | n.STATE_ZERO
        self.assertEqual(
            struct.unpack(">7I", found), (1, OBJECT - 512, hole, OBJECT, 0, OBJECT, hole)
        )
        self.assertEqual(struct.unpack(">3I", one), (1, OBJECT - 512, hole))

    async def test_provisioned_zeroes(self) -> None:
        """Zeroes with NO_HOLE take their room; without they are a hole."""

        def conversation(raw: RawClient) -> list[bytes]:
            raw.send(request(n.CMD_WRITE_ZEROES, 0, OBJECT, flags=n.CMD_FLAG_NO_HOLE))
            raw.send(request(n.CMD_BLOCK_STATUS, 0, OBJECT, cookie=2))
            raw.send(request(n.CMD_WRITE_ZEROES, 0, OBJECT))
            raw.send(request(n.CMD_BLOCK_STATUS, 0, OBJECT, cookie=2))
            found = [raw.chunk() for _ in range(4)]
            self.assertEqual([chunk.error for chunk in found], [0] * 4)
            return [chunk.body for chunk in found if chunk.cookie == 2]

        found = await self.talk(conversation)
        self.assertEqual([struct.unpack(">3I", body)[2] for body in found], [0, 3])

    async def test_flags(self) -> None:
        """The export tells truly what it can do."""

        def conversation(raw: RawClient) -> int:
            return raw.flags

        self.assertEqual(await self.talk(conversation), 0b1101_1110_1101)


class ResizingTests(RawCase):
    """A volume whose size changes while clients have it open."""

    structured = True
    size = 8 * MIB
    datapath = "process"

    async def test_sizes(self) -> None:
        """Who connects sees the size of the moment; what is cut off is beyond the end at once."""
        await self.serve(datapath=self.datapath)
        client = self.client()
        await client.create("v", self.size)
        first = await self.raw()
        await client.resize("v", 12 * MIB)
        second = await self.raw()
        self.assertEqual([first.size_bytes, second.size_bytes], [8 * MIB, 12 * MIB])
        self.assertEqual((await client.info("v")).size_bytes, 12 * MIB)
        write = request(n.CMD_WRITE, 12 * MIB - 1, 1) + b"x"
        self.assertEqual(await self.errors(second, write), [(0, 1)])
        await client.resize("v", 4 * MIB)
        self.assertEqual(await self.errors(second, write), [(n.ENOSPC, 1)])
        kept = request(n.CMD_WRITE, 4 * MIB - 1, 1) + b"x"
        self.assertEqual(await self.errors(first, kept), [(0, 1)])
        self.assertEqual((await self.raw()).size_bytes, 4 * MIB)
        await client.resize("v", 12 * MIB)
        third = await self.raw()
        third.send(request(n.CMD_READ, 12 * MIB - 1, 1, flags=n.CMD_FLAG_DF))
        chunk = await deferToThread(third.chunk)
        self.assertEqual(chunk.body[8:], b"\0")

    async def raw(self) -> RawClient:
        """One more client."""
        found = await deferToThread(RawClient, self.nbd_socket, structured=True)
        self.addCleanup(found.close)
        return found

    async def errors(self, raw: RawClient, sent: bytes) -> list[tuple[int, int]]:
        """What one request without data in its reply gets."""
        raw.send(sent)
        return await deferToThread(raw.errors, 1)


class InlineResizingTests(ResizingTests):
    """The same with threads of the daemon."""

    datapath = "inline"


class StoppingTests(RawCase):
    """A daemon that stops."""

    async def test_whole_requests_are_done(self) -> None:
        """What came whole is answered, nothing is refused, then the connection is closed."""
        service = build_service(self.settings(), reactor)
        service.startService()
        await service.ready
        client = self.client()
        await client.create("v", self.size)
        await client.close()
        raw = await deferToThread(RawClient, self.nbd_socket, structured=False)
        self.addCleanup(raw.close)
        raw.send(*(request(n.CMD_WRITE, 0, 4096, cookie=at) + bytes(4096) for at in range(20)))
        raw.send(request(n.CMD_FLUSH, 0, 0, cookie=99))
        await deferToThread(raw.errors, 1)
        await service.stopService()
        found = await deferToThread(raw.errors, 20)
        self.assertEqual(found, [(0, cookie) for cookie in (*range(1, 20), 99)])
        self.assertTrue(await deferToThread(raw.is_ended))
