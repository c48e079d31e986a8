"""
The site: every service below its own path, on one port.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from synnefo_tx.http.proxies import Proxies
from synnefo_tx.http.router import Router
from synnefo_tx.http.streaming import StreamingSite
from synnefo_tx.store.database import Database

_log = Logger()


class Health(Resource):
    """
    `/healthz`: 200 when the database answers, else 503.
    """

    isLeaf = True

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    def render_GET(self, request: Request) -> Any:
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        async def answer() -> None:
            try:
                await self._database.read(_one)
                status, body = 200, b'{"status": "ok"}'
            except Exception:  # noqa: BLE001 - the edge of a service: logged
                _log.failure("the database does not answer")
                status, body = 503, b'{"status": "database"}'
            if not gone:
                request.setResponseCode(status)
                request.setHeader("content-type", "application/json")
                request.write(body)
                request.finish()

        Deferred.fromCoroutine(answer()).addErrback(
            lambda failure: _log.failure("health was not answered", failure=failure)
        )
        return NOT_DONE_YET


class Index(Resource):
    """
    `/`: where each service is, for people who look.
    """

    def __init__(self, routers: Sequence[Router]) -> None:
        super().__init__()
        self._services = [router.prefix for router in routers]
        self.putChild(b"", self)

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        return msgspec.json.encode({"services": {name: f"/{name}" for name in self._services}})


def site(
    reactor: Any,
    routers: Sequence[Router],
    database: Database,
    streams: Callable[[bytes, bytes], bool],
    proxies: Proxies | None = None,
) -> StreamingSite:
    """
    The HTTP site of `routers`.  proxies: ours, whose X-Forwarded-For is believed.
    """
    root = Index(routers)
    root.putChild(b"healthz", Health(database))
    for router in routers:
        root.putChild(router.prefix.encode(), router.resource())
    early = {
        f"/{router.prefix}{path}".encode(): answer
        for router in routers
        for path, answer in router.early.items()
    }
    return StreamingSite(root, streams, reactor, early, proxies)


def _one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())
