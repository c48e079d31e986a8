"""
What an operator's monitoring asks over HTTP: ``/metrics`` and ``/healthz``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from archipelagod.metrics import pieces

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


@implementer(IPullProducer)
class _Pieces:
    """
    Sends the next piece when the last is on its way.
    """

    def __init__(self, request: Request, left: Iterator[bytes]) -> None:
        self._request = request
        self._left = left

    def resumeProducing(self) -> None:
        """See IPullProducer."""
        piece = next(self._left, None)
        if piece is None:
            self._request.unregisterProducer()
            self._request.finish()
        else:
            self._request.write(piece)

    def stopProducing(self) -> None:
        """See IProducer."""


class _Metrics(Resource):
    isLeaf = True
    _log = Logger()

    def __init__(self, statistics: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        super().__init__()
        self._statistics = statistics

    def render_GET(self, request: Request) -> int:
        """See Resource."""
        is_over: list[object] = []
        request.notifyFinish().addBoth(is_over.append)

        async def answer() -> None:
            statistics = await self._statistics()
            if not is_over:
                request.setHeader(b"content-type", CONTENT_TYPE)
                request.registerProducer(_Pieces(request, pieces(statistics)), streaming=False)

        def fail(failure: Failure) -> None:
            self._log.failure("the figures could not be had", failure=failure)
            if not is_over:
                request.setResponseCode(500)
                request.finish()

        Deferred.fromCoroutine(answer()).addErrback(fail)
        return NOT_DONE_YET


class _Health(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """See Resource."""
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return b"ok\n"


def monitoring_site(statistics: Callable[[], Awaitable[dict[str, Any]]]) -> Site:
    """
    The site; it begins when the daemon is ready.
    """
    root = Resource()
    root.putChild(b"metrics", _Metrics(statistics))
    root.putChild(b"healthz", _Health())
    site = Site(root)
    site.noisy = False
    site.displayTracebacks = False
    return site
