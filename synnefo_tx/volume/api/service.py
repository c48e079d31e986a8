"""
What the handlers of the volume API share.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Handler, Router
from synnefo_tx.store.database import Database

MINIMUM, MAXIMUM = (3, 0), (3, 71)  # microversions


@frozen(eq=False)
class Service:
    """
    The router and what stands behind it.
    """

    router: Router
    cloud: Cloud

    @property
    def database(self) -> Database:
        """
        The cloud's.
        """
        return self.cloud.database

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return self.cloud.now_us()

    def route(self, method: str, path: str, policy: str) -> Callable[[Handler], Handler]:
        """
        Serve `path` below /v3, with the caller's project before it or without, for callers whom
        `policy` allows.
        """

        def add(handler: Handler) -> Handler:
            async def within(call: Call, own_project: str, **parts: str) -> Reply:
                if own_project != call.token.project_id:
                    raise BadRequest("Malformed request url")
                return await handler(call, **parts)

            self.router.route(method, f"/v3/<own_project>{path}", policy)(within)
            return self.router.route(method, f"/v3{path}", policy)(handler)

        return add


def body_of(call: Call) -> object:
    """
    The body decoded; None when it is empty.  Raises BadRequest.
    """
    return call.json() if call.raw_body() else None
