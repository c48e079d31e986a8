"""
Requests whose handler starts before the body has arrived.

Twisted buffers a whole body before it calls `process`; an image of many GiB must not be buffered.
`StreamingRequest` begins at the headers when `streams(method, path)` says so, and gives the handler
a `BodyStream` that pauses the connection while more than `WINDOW_BYTES` wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.server import Request, Site

WINDOW_BYTES = 4 * 1024 * 1024
DRAIN_BYTES = 64 * 1024 * 1024  # a refused upload is read this far, so that clients see the answer


class BodyCut(Exception):
    """
    The client went away before the whole body had arrived.
    """


class BodyStream:
    """
    A body as it arrives.  `read()` gives the next chunk, b"" at the end, and raises BodyCut.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._ended = False
        self._cut = False
        self._discarding = False
        self._waiter: Deferred[None] | None = None
        self._pause = pause
        self._resume = resume

    async def read(self) -> bytes:
        while not self._chunks:
            if self._cut:
                raise BodyCut
            if self._ended:
                return b""
            self._waiter = Deferred()
            await self._waiter
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        if self._paused and self._held < WINDOW_BYTES // 2:
            self._paused = False
            self._resume()
        return chunk

    def discard(self) -> None:
        """
        Drop what waits and what is still to come.
        """
        self._discarding = True
        self._chunks.clear()
        self._held = 0
        if self._paused:
            self._paused = False
            self._resume()

    def feed(self, data: bytes) -> None:
        if self._discarding:
            return
        self._chunks.append(data)
        self._held += len(data)
        if self._held >= WINDOW_BYTES and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def cut(self) -> None:
        self._cut = True
        self._chunks.clear()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)


class StreamingRequest(Request):
    """
    A request that may be processed while its body is on its way (`body_stream` is set then).
    """

    body_stream: BodyStream | None = None
    _arrived = True
    _finish_asked = False
    _drained = 0

    def gotLength(self, length: int | None) -> None:
        channel: Any = self.channel
        command, path = channel._command, channel._path
        if not self.channel.site.streams(command, path):
            super().gotLength(length)
            return
        self._arrived = False
        super().gotLength(0)
        transport = channel._networkProducer
        self.body_stream = BodyStream(transport.pauseProducing, transport.resumeProducing)
        version = channel._version
        # Not at once: the channel answers "Expect: 100-continue" only after this call returns.
        channel.site.reactor.callLater(0, self._begin, command, path, version)

    def _begin(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.channel is not None:
            super().requestReceived(command, path, version)

    def handleContentChunk(self, data: bytes) -> None:
        if self.body_stream is None:
            super().handleContentChunk(data)
            return
        self.body_stream.feed(data)
        if self._finish_asked:
            self._drained += len(data)
            if self._drained > DRAIN_BYTES and self.channel is not None:
                self.channel.forceAbortClient()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.body_stream is None:
            super().requestReceived(command, path, version)
            return
        self._arrived = True
        self.body_stream.end()
        if self._finish_asked:
            super().finish()

    def finish(self) -> None:
        if self._arrived:
            super().finish()
            return
        self._finish_asked = True
        assert self.body_stream is not None
        self.body_stream.discard()

    def connectionLost(self, reason: Any) -> None:
        if self.body_stream is not None and not self._arrived:
            self.body_stream.cut()
        super().connectionLost(reason)


class StreamingSite(Site):
    """
    A Site with `StreamingRequest`s; `streams(method, path)` picks those that begin early.
    """

    requestFactory = StreamingRequest  # type: ignore[assignment]  # narrower than Twisted's

    def __init__(
        self, resource: Any, streams: Callable[[bytes, bytes], bool], reactor: Any
    ) -> None:
        super().__init__(resource, requestFactory=StreamingRequest, reactor=reactor, timeout=75)
        self.streams = streams
