"""
What the handlers of the volume API share.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Handler, Router

ROOT = "/v3"
MINIMUM, MAXIMUM = (3, 0), (3, 71)  # microversions


def mount(router: Router, method: str, path: str, permission: str, handler: Handler) -> Handler:
    """
    Any path may have the caller's project before it.
    """

    async def within(call: Call, own_project: str, **parts: str) -> Reply:
        if own_project != call.token.project_id:
            raise BadRequest("Malformed request url")
        return await handler(call, **parts)

    rest = path.removeprefix(ROOT)
    router.route(method, f"{ROOT}/<own_project>{rest}", permission)(within)
    return router.route(method, path, permission)(handler)


def body_of(call: Call) -> object:
    """
    The body decoded; None when it is empty.  Raises BadRequest.
    """
    return call.json() if call.raw_body() else None
