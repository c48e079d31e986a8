"""
Bodies that come in, over a real loopback connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.streaming import (
    DRAIN_BYTES,
    MAX_BODY_BYTES,
    WINDOW_BYTES,
    BodyCut,
    BodyStream,
)
from tests.synnefo_tx.http.site import LoopbackSite, a_router, eventually, soon

MIB = 1024 * 1024


def later(test: Any) -> Any:
    """
    An async test as trial wants it.
    """

    def run(self: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(test(self))

    run.__doc__ = test.__doc__
    return run


class StreamedBodyTests(TestCase):
    """
    PUT /svc/file is streamed; GET /svc/hello is not.
    """

    timeout = 60

    def setUp(self) -> None:
        self.router = a_router()
        self.seen: list[bytes] = []
        self.ended: list[str] = []
        self.stream: BodyStream | None = None
        self.gate: Deferred[None] | None = None

        @self.router.route("PUT", "/file", None)
        async def upload(call: Call) -> Reply:
            assert call.body_stream is not None
            self.stream = call.body_stream
            if self.gate is not None:
                await self.gate
            size = 0
            try:
                while chunk := await call.body_stream.read():
                    self.seen.append(chunk)
                    size += len(chunk)
            except BodyCut:
                self.ended.append("cut")
                raise
            self.ended.append("whole")
            return json_reply(size)

        @self.router.route("PUT", "/refused", None)
        async def refuse(call: Call) -> Reply:
            raise Forbidden("not here")

        @self.router.route("GET", "/hello", None)
        async def hello(call: Call) -> Reply:
            return json_reply("hello")

        @self.router.route("POST", "/json", None)
        async def take(call: Call) -> Reply:
            return json_reply(len(call.raw_body()))

        self.site = LoopbackSite(self, self.router, lambda method, path: method == b"PUT")

    @later
    async def test_the_handler_reads_before_the_body_has_ended(self) -> None:
        client = await self.site.connect()
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        await eventually(lambda: self.seen == [b"abc"])
        client.send(b"def")
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n6"))

    @later
    async def test_a_chunked_body_arrives_whole(self) -> None:
        client = await self.site.connect()
        client.send(
            b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        )
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n7"))
        self.assertEqual(b"".join(self.seen), b"abcdefg")

    @later
    async def test_an_empty_body_is_at_its_end(self) -> None:
        client = await self.site.connect()
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n0"))

    @later
    async def test_the_next_request_on_the_connection_is_served(self) -> None:
        """
        Even one that was sent together with the body.
        """
        client = await self.site.connect()
        client.send(
            b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
            b"GET /svc/hello HTTP/1.1\r\nHost: h\r\n\r\n",
        )
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n3"))
        self.assertTrue((await client.answer()).endswith(b'"hello"'))

    @later
    async def test_a_refusal_comes_before_the_body_and_keeps_the_connection(self) -> None:
        client = await self.site.connect()
        size = 8 * MIB
        client.send(b"PUT /svc/refused HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        self.assertIn(b" 403 ", await client.answer())
        client.send(b"x" * size, b"GET /svc/hello HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertTrue((await client.answer()).endswith(b'"hello"'))

    @later
    async def test_a_refused_client_that_never_stops_is_cut_off(self) -> None:
        client = await self.site.connect()
        size = DRAIN_BYTES * 2
        client.send(b"PUT /svc/refused HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        self.assertIn(b" 403 ", await client.answer())
        sent = 0
        while not client.closed and sent < size:
            client.send(b"x" * MIB)
            sent += MIB
            await soon(0.001)
        await client.until(lambda: client.closed)
        self.assertLess(sent, size)

    @later
    async def test_a_cut_body_is_told_to_the_handler(self) -> None:
        client = await self.site.connect()
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        await eventually(lambda: self.seen == [b"abc"])
        client.transport.abortConnection()
        await eventually(lambda: self.ended == ["cut"])

    @later
    async def test_a_body_cut_before_it_was_read_is_never_taken_for_whole(self) -> None:
        self.gate = Deferred()
        client = await self.site.connect()
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        await eventually(lambda: self.stream is not None)
        client.transport.loseConnection()
        await client.until(lambda: client.closed)
        await soon()
        self.gate.callback(None)
        await eventually(lambda: self.ended == ["cut"])

    @later
    async def test_a_slow_handler_slows_the_client_down(self) -> None:
        """
        No more than the window is held, however much the client would send.
        """
        self.gate = Deferred()
        client = await self.site.connect()
        size = 48 * MIB
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(48):
            client.send(b"x" * MIB)
        await eventually(lambda: self.stream is not None and self.stream._held >= WINDOW_BYTES)
        await soon(0.2)
        assert self.stream is not None
        self.assertLess(self.stream._held, WINDOW_BYTES + MIB)
        self.gate.callback(None)
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n%d" % size))

    @later
    async def test_a_client_that_we_hold_back_is_not_timed_out(self) -> None:
        self.gate = Deferred()
        self.site.site.timeOut = 0.3
        client = await self.site.connect()
        size = 16 * MIB
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(b"x" * size)
        await eventually(lambda: self.stream is not None and self.stream._held >= WINDOW_BYTES)
        await soon(0.8)
        self.gate.callback(None)
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n%d" % size))

    @later
    async def test_a_client_that_stalls_is_timed_out(self) -> None:
        self.site.site.timeOut = 0.3
        client = await self.site.connect()
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        await eventually(lambda: self.ended == ["cut"])
        await client.until(lambda: client.closed)

    @later
    async def test_100_continue_is_said_before_the_body(self) -> None:
        client = await self.site.connect()
        client.send(
            b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n",
            b"Expect: 100-continue\r\n\r\n",
        )
        await client.until(lambda: client.received == b"HTTP/1.1 100 Continue\r\n\r\n")
        client.received.clear()
        client.send(b"abc")
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n3"))

    @later
    async def test_a_refused_client_is_not_told_to_continue(self) -> None:
        """
        It keeps its body, and the connection ends: what follows could be the body or a request.
        """
        for call, size, status in (
            (b"PUT /svc/refused", 3, b" 403 "),
            (b"POST /svc/json", MAX_BODY_BYTES + 1, b" 413 "),
        ):
            client = await self.site.connect()
            client.send(
                b"%s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n" % (call, size),
                b"Expect: 100-continue\r\n\r\n",
            )
            await client.until(lambda client=client: b"\r\n\r\n" in client.received)
            client.send(b"x" * size)  # all the same
            await client.until(lambda client=client: client.closed)
            answer = bytes(client.received)
            self.assertIn(status, answer.partition(b"\r\n")[0])
            self.assertIn(b"\r\nConnection: close\r\n", answer)

    @later
    async def test_a_client_that_does_not_wait_to_be_asked_is_served(self) -> None:
        client = await self.site.connect()
        client.send(
            b"PUT /svc/refused HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n",
            b"Expect: 100-continue\r\n\r\nabc",
            b"GET /svc/hello HTTP/1.1\r\nHost: h\r\n\r\n",
        )
        self.assertIn(b" 403 ", await client.answer())
        self.assertTrue((await client.answer()).endswith(b'"hello"'))

    @later
    async def test_a_body_of_the_greatest_size_is_taken(self) -> None:
        client = await self.site.connect()
        client.send(
            b"POST /svc/json HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES,
            b"x" * MAX_BODY_BYTES,
        )
        self.assertTrue((await client.answer()).endswith(b"\r\n\r\n%d" % MAX_BODY_BYTES))

    @later
    async def test_a_router_may_take_less(self) -> None:
        """
        Whether the size is announced or not; what is streamed has no such limit.
        """
        self.router.largest_body = 10
        client = await self.site.connect()
        for size, status in ((10, b" 200 "), (11, b" 413 ")):
            body = b"x" * size
            for head, sent in (
                (b"Content-Length: %d" % size, body),
                (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)),
            ):
                client.send(b"POST /svc/json HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n" % head, sent)
                self.assertIn(status, await client.answer(), (size, head))
        client.send(b"PUT /svc/file HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", body)
        self.assertIn(b" 200 ", await client.answer())

    @later
    async def test_a_body_announced_as_too_large_is_refused_at_once(self) -> None:
        """
        Before it is sent, and the connection goes on afterwards.
        """
        client = await self.site.connect()
        size = MAX_BODY_BYTES + 1
        client.send(b"POST /svc/json HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        self.assertIn(b" 413 ", await client.answer())
        client.send(b"x" * size, b"GET /svc/hello HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertTrue((await client.answer()).endswith(b'"hello"'))

    @later
    async def test_a_chunked_body_that_grows_too_large_is_refused(self) -> None:
        client = await self.site.connect()
        client.send(b"POST /svc/json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(6):
            client.send(b"%x\r\n" % MIB, b"x" * MIB, b"\r\n")
        client.send(b"0\r\n\r\n")
        self.assertIn(b" 413 ", await client.answer())

    @later
    async def test_an_endless_chunked_body_is_cut_off(self) -> None:
        client = await self.site.connect()
        client.send(b"POST /svc/json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        while not client.closed and sent < 2 * DRAIN_BYTES:
            client.send(b"%x\r\n" % MIB, b"x" * MIB, b"\r\n")
            sent += MIB
            await soon(0.001)
        await client.until(lambda: client.closed)
        self.assertLess(sent, 2 * DRAIN_BYTES)
