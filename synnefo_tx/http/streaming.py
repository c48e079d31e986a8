"""
Requests whose handler starts before the body has arrived.

Twisted buffers a whole body before it calls `process`; an image of many GiB must not be buffered.
`StreamingRequest` begins at the headers when `streams(method, path)` says so, and gives the handler
a `BodyStream` that pauses the connection while more than `WINDOW_BYTES` wait.

Any other body is kept up to MAX_BODY_BYTES; a longer one is `oversized`, and none of it is kept.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.web.http import combinedLogFormatter
from twisted.web.iweb import IAccessLogFormatter
from twisted.web.server import Request, Site
from zope.interface import provider

from synnefo_tx.http.proxies import Proxies

#: parameters of addresses that open something for whoever reads them
_SECRET = re.compile(r"([?&](?:code|state|link|ticket|token)=)[^&\s\"]+")

MAX_BODY_BYTES = 4 * 1024 * 1024
USUAL_BODY_BYTES = 112 * 1024  # what OpenStack's services take, unless configured otherwise
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

    def __init__(
        self,
        pause: Callable[[], None],
        resume: Callable[[], None],
        ask: Callable[[], None] = lambda: None,
    ) -> None:
        """
        ask: called when the body is read for the first time.
        """
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._ended = False
        self._cut = False
        self._discarding = False
        self._waiter: Deferred[None] | None = None
        self._pause = pause
        self._resume = resume
        self._ask = ask

    async def read(self) -> bytes:
        self._ask()
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
        if self._held >= WINDOW_BYTES:
            # Again each time: the channel resumes reading by itself once its answer has gone out.
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

    oversized: the body is longer than this call may take; what came of it is gone.

    A client that waits for "100 Continue" is told to go on when the handler first reads.  If it
    never does, the answer ends the connection, so that nobody takes the next request for the body.
    """

    body_stream: BodyStream | None = None
    oversized = False
    answered_early = False
    request_id = "-"
    _early = False  # processed before its body has arrived
    _arrived = False
    _finish_asked = False
    _unasked = False  # the client waits to be asked for its body
    _client: Any = None
    _kept = 0
    _drained = 0

    def process(self) -> None:
        channel: Any = self.channel
        early = channel.site.early.get(self.path)
        if early is not None:
            self.answered_early = True
            if early(self):
                return
            self.answered_early = False
        super().process()

    def getClientAddress(self) -> Any:
        """
        Where the client is, also behind proxies of ours: limits and logs go by it.
        """
        peer: Any = super().getClientAddress()
        site: Any = getattr(self.channel, "site", None)
        if self._client is None and site is not None and site.proxies.networks:
            given = self.requestHeaders.getRawHeaders("x-forwarded-for") or []
            found = site.proxies.client_of(str(getattr(peer, "host", "")), given)
            made = IPv6Address if ":" in found else IPv4Address
            self._client = made("TCP", found, 0)
        return self._client or peer

    def gotLength(self, length: int | None) -> None:
        channel: Any = self.channel
        command, path, version = channel._command, channel._path, channel._version
        streams = channel.site.streams(command, path)
        self.oversized = not streams and length is not None and length > MAX_BODY_BYTES
        self._early = streams or self.oversized
        super().gotLength(0 if self._early else length)
        if streams:
            self.body_stream = BodyStream(self._pause, self._resume, self._ask)
        if self._early:
            if length != 0 and version == b"HTTP/1.1":
                self._take_expectation()
            # Not at once: the channel has not finished with the headers.
            channel.site.reactor.callLater(0, self._begin, command, path, version)

    def _take_expectation(self) -> None:
        expected = self.requestHeaders.getRawHeaders(b"expect") or [b""]
        if expected[0].lower() == b"100-continue":
            self.requestHeaders.removeHeader(b"expect")  # or the channel would say it at once
            self._unasked = True

    def _ask(self) -> None:
        channel: Any = self.channel
        if self._unasked and channel is not None and not self.startedWriting:
            channel._send100Continue()
        self._unasked = False

    def _pause(self) -> None:
        channel: Any = self.channel
        if channel is not None:
            channel._networkProducer.pauseProducing()
            channel.setTimeout(None)  # it is we who are slow

    def _resume(self) -> None:
        channel: Any = self.channel
        if channel is not None:
            channel._networkProducer.resumeProducing()
            if not self._arrived:
                channel.setTimeout(channel.timeOut)

    def _begin(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.channel is not None:
            super().requestReceived(command, path, version)

    def write(self, data: bytes) -> None:
        if self._unasked and not self.startedWriting:
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])
            channel: Any = self.channel
            if channel is not None:
                channel.persistent = False
                channel.dataReceived = lambda _data: None  # a body that comes all the same
        super().write(data)

    def handleContentChunk(self, data: bytes) -> None:
        self._unasked = False  # it didn't wait
        if self.body_stream is not None:
            self.body_stream.feed(data)
        elif not self.oversized:
            self._keep(data)
        if self.oversized or self._finish_asked:
            self._drain(len(data))

    def _keep(self, data: bytes) -> None:
        self._kept += len(data)
        if self._kept <= MAX_BODY_BYTES:
            super().handleContentChunk(data)
            return
        self.oversized = True
        content: Any = self.content
        content.seek(0)
        content.truncate()

    def _drain(self, size: int) -> None:
        self._drained += size
        channel: Any = self.channel
        if self._drained > DRAIN_BYTES and channel is not None:
            channel.transport.abortConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._arrived = True
        if not self._early:
            super().requestReceived(command, path, version)
            return
        if self.body_stream is not None:
            self.body_stream.end()
        if self._finish_asked:
            super().finish()

    def finish(self) -> None:
        if self._arrived or self._unasked:
            super().finish()
            return
        self._finish_asked = True
        if self.body_stream is not None:
            self.body_stream.discard()

    def connectionLost(self, reason: Any) -> None:
        if self.body_stream is not None and not self._arrived:
            self.body_stream.cut()
        super().connectionLost(reason)


@provider(IAccessLogFormatter)
def _line(timestamp: str, request: Any) -> str:
    """
    Of the access log: as Apache's, with our id of the request at the end, and without what is as
    good as a secret in an address, also in that of the page before.
    """
    line = _SECRET.sub(r"\1-", combinedLogFormatter(timestamp, request))
    return f"{line} {request.request_id}"


class StreamingSite(Site):
    """
    A Site with `StreamingRequest`s; `streams(method, path)` picks those that begin early.

    early: by path, whoever may answer a request before it is routed, and says whether it did.
    """

    requestFactory = StreamingRequest

    def __init__(
        self,
        resource: Any,
        streams: Callable[[bytes, bytes], bool],
        reactor: Any,
        early: Mapping[bytes, Callable[[Any], bool]] | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        super().__init__(
            resource,
            requestFactory=StreamingRequest,
            reactor=reactor,
            timeout=75,
            logFormatter=_line,
            parsePOSTFormSubmission=False,  # handlers read bodies themselves
        )
        self.streams = streams
        self.proxies = proxies or Proxies()
        self.early = early or {}

    def log(self, request: Any) -> None:
        if not request.answered_early:  # those are counted; a line takes as long as the answer
            super().log(request)
