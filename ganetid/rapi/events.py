"""
/2/events: what happens in the cluster, as server-sent events.

``after`` or the header Last-Event-ID: go on after that event; without them, what happens from now
on.  ``type``, ``instance``: only such events.  An event ``reset`` says that some are gone for good:
read everything again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from ganetid.events.feed import EventFeed
from ganetid.jobs.journal import Waiting
from ganetid.rapi.answers import Taken
from ganetid.rapi.api import READERS, Api, Verb
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.headers import header

BATCH = 100
HEARTBEAT_S = 15.0
MOST_STREAMS = 200
MOST_ID = 10**18
EVENT_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_log = Logger()


@frozen
class Wanted:
    """Which events; empty: all."""

    types: frozenset[str]
    instances: frozenset[str]

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Whether this one is wanted."""
        if self.types and body.get("type") not in self.types:
            return False
        return not self.instances or body.get("instance") in self.instances


@implementer(IPushProducer)
@define
class Stream:
    """
    One client that follows.

    It writes only while the connection takes data: what a slow client has not got stays in the
    journal, and what the journal drops meanwhile it is told of.
    """

    request: Any
    feed: EventFeed
    wanted: Wanted
    last_id: int
    is_open: bool = True
    _free: Deferred[None] | None = field(default=None)

    def pauseProducing(self) -> None:
        """Twisted: the connection is full."""
        if self._free is None:
            self._free = Deferred()

    def resumeProducing(self) -> None:
        """Twisted: it takes data again."""
        free, self._free = self._free, None
        if free is not None:
            free.callback(None)

    def stopProducing(self) -> None:
        """Twisted: the client is gone."""
        self.is_open = False
        self.resumeProducing()
        self.feed.wake()

    def has_gone(self) -> bool:
        """The client has hung up."""
        return not self.is_open

    async def follow(self) -> None:
        """Send events until the client hangs up."""
        while self.is_open:
            batch = await self._next_batch()
            for event in batch:
                if self._free is not None:
                    await self._free
                if self.has_gone():
                    return
                self._send(event)
            if not batch and not await self.feed.more(HEARTBEAT_S) and self.is_open:
                self.request.write(b": still here\n\n")

    async def _next_batch(self) -> list[Waiting]:
        oldest, _ = await self.feed.range()
        if self.last_id < oldest - 1 and self.is_open:
            self.last_id = oldest - 1
            self.request.write(
                b'id: %d\nevent: reset\ndata: {"oldest": %d}\n\n' % (self.last_id, oldest)
            )
        return await self.feed.after(self.last_id, BATCH)

    def _send(self, event: Waiting) -> None:
        self.last_id = event.id
        body = msgspec.json.decode(event.message.body)
        if self.wanted.takes(body):
            kind = str(body.get("type", "message")).encode()
            parts = (event.id, kind, event.message.body.replace(b"\n", b" "))
            self.request.write(b"id: %d\nevent: %s\ndata: %s\n\n" % parts)


async def _follow(api: Api, call: Call) -> Any:
    feed = api.feed
    if feed is None:
        raise Fault(501, "There is no event feed")
    if api.meter.streams >= MOST_STREAMS:
        raise Fault(503, "Too many clients follow events")
    wanted = Wanted(frozenset(call.words("type")), frozenset(call.words("instance")))

    async def begin(request: Request) -> None:
        last_id = await _last_id(feed, call, request)
        stream = Stream(request, feed, wanted, last_id)
        request.notifyFinish().addBoth(lambda _: stream.stopProducing())
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-store")
        request.write(b"retry: 2000\n\n")
        request.registerProducer(stream, True)
        api.meter.streams += 1
        try:
            await stream.follow()
        finally:
            api.meter.streams -= 1

    return Taken(begin)


async def _last_id(feed: EventFeed, call: Call, request: Request) -> int:
    """After which event to go on."""
    if "after" in call.query:
        return max(0, min(call.number("after"), MOST_ID))
    last = header(request, b"last-event-id")
    if EVENT_ID.fullmatch(last):
        return int(last)
    _, newest = await feed.range()
    return newest


RESOURCES: Mapping[str, Mapping[str, Verb]] = {"/2/events": {"GET": Verb(_follow, READERS)}}
