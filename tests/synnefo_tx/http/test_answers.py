"""
Streamed answers and clients that leave, over a real loopback connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from synnefo_tx.http.call import Call
from synnefo_tx.http.pouring import StreamEnded
from synnefo_tx.http.reply import Reply, json_reply
from tests.synnefo_tx.http.site import LoopbackSite, a_router, eventually, soon
from tests.synnefo_tx.http.test_requests import MIB, later


class StreamedAnswerTests(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.router = a_router()
        self.given = 0
        self.closed = 0
        self.fails_after: int | None = None
        self.gate: Deferred[None] = Deferred()
        self.done: list[str] = []

        async def chunks(count: int) -> AsyncIterator[bytes]:
            try:
                for number in range(count):
                    if number == self.fails_after:
                        raise OSError("the disk is gone")
                    self.given += 1
                    yield b"x" * MIB
            finally:
                self.closed += 1

        def file(known: bool, announced: int) -> Reply:
            length = announced * MIB if known else None
            return Reply(
                200, content_type="application/octet-stream", stream=chunks(32), length=length
            )

        @self.router.route("GET", "/known", None)
        async def known(call: Call) -> Reply:
            return file(True, 32)

        @self.router.route("GET", "/unknown", None)
        async def unknown(call: Call) -> Reply:
            return file(False, 0)

        @self.router.route("GET", "/lying", None)
        async def lying(call: Call) -> Reply:
            return file(True, 33)

        @self.router.route("POST", "/slow", None)
        async def slow(call: Call) -> Reply:
            await self.gate
            self.done.append("carried out")
            return json_reply("ok")

        @self.router.route("GET", "/late", None)
        async def late(call: Call) -> Reply:
            await self.gate
            self.done.append("carried out")
            return file(True, 32)

        self.site = LoopbackSite(self, self.router, lambda method, path: False)

    @later
    async def test_a_stream_of_known_length_arrives_whole(self) -> None:
        client = await self.site.connect()
        client.send(b"GET /svc/known HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = await client.answer()
        self.assertEqual(len(answer.partition(b"\r\n\r\n")[2]), 32 * MIB)
        self.assertEqual(self.closed, 1)

    @later
    async def test_a_stream_of_unknown_length_is_chunked(self) -> None:
        client = await self.site.connect()
        client.send(b"GET /svc/unknown HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.until(lambda: client.received.endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(client.received.count(b"x"), 32 * MIB)

    @later
    async def test_a_slow_client_slows_the_stream_down(self) -> None:
        client = await self.site.connect()
        client.transport.pauseProducing()
        client.send(b"GET /svc/known HTTP/1.1\r\nHost: h\r\n\r\n")
        await soon(0.5)
        self.assertLess(self.given, 16)  # what socket buffers take, and no more
        client.transport.resumeProducing()
        self.assertEqual(len((await client.answer()).partition(b"\r\n\r\n")[2]), 32 * MIB)

    @later
    async def test_a_stream_that_fails_breaks_the_connection(self) -> None:
        """
        Whether or not a length was announced, the client can't take the part for the whole.
        """
        self.fails_after = 2
        for path in (b"known", b"unknown"):
            client = await self.site.connect()
            client.send(b"GET /svc/%s HTTP/1.1\r\nHost: h\r\n\r\n" % path)
            await client.until(lambda client=client: client.closed)
            self.assertFalse(client.received.endswith(b"0\r\n\r\n"))
            self.assertLess(client.received.count(b"x"), 32 * MIB)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)

    @later
    async def test_a_stream_shorter_than_announced_breaks_the_connection(self) -> None:
        client = await self.site.connect()
        client.send(b"GET /svc/lying HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.until(lambda: client.closed)
        self.assertEqual(len(self.flushLoggedErrors(StreamEnded)), 1)

    @later
    async def test_head_of_a_stream_has_its_length_and_reads_nothing(self) -> None:
        client = await self.site.connect()
        client.send(b"HEAD /svc/known HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.until(lambda: client.received.endswith(b"\r\n\r\n"))
        self.assertIn(b"Content-Length: %d\r\n" % (32 * MIB), client.received)
        self.assertEqual(self.given, 0)

    @later
    async def test_a_client_that_leaves_ends_the_stream(self) -> None:
        client = await self.site.connect()
        client.send(b"GET /svc/known HTTP/1.1\r\nHost: h\r\n\r\n")
        client.transport.pauseProducing()
        await eventually(lambda: self.given > 0)
        client.transport.abortConnection()
        await eventually(lambda: self.closed == 1)
        self.assertLess(self.given, 32)

    @later
    async def test_a_client_that_leaves_does_not_stop_the_handler(self) -> None:
        client = await self.site.connect()
        client.send(b"POST /svc/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        await soon(0.1)
        client.transport.abortConnection()
        await client.until(lambda: client.closed)
        await soon(0.1)
        self.gate.callback(None)
        await eventually(lambda: self.done == ["carried out"])

    @later
    async def test_a_stream_for_a_client_that_left_is_never_begun(self) -> None:
        client = await self.site.connect()
        client.send(b"GET /svc/late HTTP/1.1\r\nHost: h\r\n\r\n")
        await soon(0.1)
        client.transport.abortConnection()
        await client.until(lambda: client.closed)
        await soon(0.1)
        self.gate.callback(None)
        await eventually(lambda: self.done == ["carried out"])
        self.assertEqual(self.given, 0)
