"""
A project's feed as server-sent events.

Source: WHATWG HTML, Server-sent events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from attrs import define, frozen

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.events.hub import Hub
from synnefo_tx.events.place import Place
from synnefo_tx.events.rows import reading
from synnefo_tx.events.texts import behind, body_of, name_of
from synnefo_tx.http.cloud import Cloud

BATCH = 100
STILL_HERE_S = 15.0
RETRY_MS = 2000


@frozen(eq=False)
class Wanted:
    """
    Whose events, of which kinds (empty: all), behind which place (None: from now on).
    """

    project_id: str
    kinds: frozenset[str]
    place: Place | None


async def stream(
    cloud: Cloud, hub: Hub, wanted: Wanted, may_go_on: Callable[[], Awaitable[object]]
) -> AsyncIterator[bytes]:
    """
    What the client is sent, until the cloud stops or `may_go_on` raises NotAuthenticated, which is
    asked for every STILL_HERE_S, however much happens.
    """
    follower = hub.enter(wanted.project_id)
    try:
        news = _News(cloud, wanted, wanted.place or await _now(cloud))
        yield f"retry: {RETRY_MS}\nid: {news.place}\n\n".encode()
        if wanted.place is not None and wanted.place.at_s < cloud.clock() - reading.KEPT_S:
            yield b'event: reset\ndata: {"reason": "events since then are forgotten"}\n\n'
        asked_at = hub.reactor.seconds()
        while not follower.ended:
            if hub.reactor.seconds() - asked_at >= STILL_HERE_S:
                await may_go_on()
                asked_at = hub.reactor.seconds()
            if lines := await news.more():
                yield lines
            elif not await follower.more(hub.reactor, STILL_HERE_S):
                yield b": still here\n\n"
    except NotAuthenticated:
        yield b'event: end\ndata: {"reason": "the token is not valid any more"}\n\n'
    finally:
        hub.leave(follower)


async def _now(cloud: Cloud) -> Place:
    return await cloud.database.read(reading.horizon, int(cloud.clock()))


@define(eq=False)
class _News:
    """
    What one client has not read.  place: what it has.
    """

    _cloud: Cloud
    _wanted: Wanted
    place: Place

    async def more(self) -> bytes:
        """
        The next events' text; empty when there are no more now.
        """
        wanted, now_s = self._wanted, int(self._cloud.clock())
        rows = await self._cloud.database.read(
            reading.after, wanted.project_id, self.place, BATCH, now_s
        )
        if not rows:
            return b""
        self.place = behind(rows[-1])
        seen = [_text(row) for row in rows if not wanted.kinds or row.kind in wanted.kinds]
        return b"".join(seen) or f"id: {self.place}\n\n".encode()


def _text(row: Any) -> bytes:
    head = f"id: {behind(row)}\nevent: {name_of(row)}\ndata: ".encode()
    return head + body_of(row) + b"\n\n"
