"""
Streamed answers, written as fast as the client reads them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from twisted.internet.defer import Deferred
from twisted.web.server import Request


class StreamEnded(Exception):
    """
    A streamed answer did not have the length that its head had announced.
    """


async def pour(
    request: Request, stream: AsyncIterator[bytes], length: int | None, gone: list[object]
) -> None:
    """
    Write the stream as fast as the client reads it.  Raises StreamEnded.
    """
    flow = Flow()
    sent = 0
    request.registerProducer(flow, True)
    try:
        async for chunk in stream:
            if gone or flow.stopped:
                return
            request.write(chunk)
            sent += len(chunk)
            await flow.room()
        if length is not None and sent != length and not (gone or flow.stopped):
            raise StreamEnded(f"{sent} bytes instead of {length}")
    finally:
        flow.stopProducing()
        if not gone:
            request.unregisterProducer()


class Flow:
    """
    A push producer that lets a writer wait while the transport is full.

    stopped: the transport wants no more, ever.
    """

    stopped = False

    def __init__(self) -> None:
        self._waiter: Deferred[None] | None = None
        self._paused = False

    async def room(self) -> None:
        """
        Returns when more may be written.
        """
        if self._paused:
            self._waiter = Deferred()
            await self._waiter

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    def stopProducing(self) -> None:
        self.stopped = True
        self.resumeProducing()
