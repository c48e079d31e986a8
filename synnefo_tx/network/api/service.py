"""
What the handlers of the network API share.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Handler, Router
from synnefo_tx.network.errors import InvalidQuery
from synnefo_tx.network.permissions import PREFIX
from synnefo_tx.store.database import Database

SUFFIX = ".json"  # that any path may end by


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
        Serve `path` below /v2.0, with ".json" after it or without, for callers whom `policy`
        ("get_network") allows.
        """
        pattern, permission = f"/v2.0{path}", f"{PREFIX}{policy}"

        def add(handler: Handler) -> Handler:
            if not path.endswith(">"):
                self.router.route(method, pattern + SUFFIX, permission)(handler)
                return self.router.route(method, pattern, permission)(handler)
            last = path.rpartition("<")[2].removesuffix(">")

            async def bare(call: Call, **parts: str) -> Reply:
                return await handler(call, **parts | {last: parts[last].removesuffix(SUFFIX)})

            return self.router.route(method, pattern, permission)(bare)

        return add


def read_body(call: Call) -> object:
    """
    The body decoded.  Raises InvalidQuery.
    """
    try:
        return call.json()
    except Exception as error:
        raise InvalidQuery(
            "The server could not comply with the request since it is either "
            "malformed or otherwise incorrect."
        ) from error
