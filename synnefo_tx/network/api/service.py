"""
What the handlers of the network API share.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Handler, Router
from synnefo_tx.network.errors import InvalidQuery

ROOT = "/v2.0"
SUFFIX = ".json"  # that any path may end by


def mount(router: Router, method: str, path: str, permission: str, handler: Handler) -> Handler:
    """
    Any path may end by ".json", too.
    """
    if not path.endswith(">"):
        router.route(method, path + SUFFIX, permission)(handler)
        return router.route(method, path, permission)(handler)
    last = path.rpartition("<")[2].removesuffix(">")

    async def bare(call: Call, **parts: str) -> Reply:
        return await handler(call, **parts | {last: parts[last].removesuffix(SUFFIX)})

    return router.route(method, path, permission)(bare)


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
