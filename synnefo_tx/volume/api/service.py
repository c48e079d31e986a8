"""
What the handlers of the volume API share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Handler, Router
from synnefo_tx.volume.rules.listing import Listing, links
from synnefo_tx.volume.views.volumes import Look

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


def need_version(call: Call, minimum: Version) -> None:
    """
    Raises NotFound for a resource that the microversion asked for does not have.
    """
    if call.version < minimum:
        raise NotFound("The resource could not be found.")


def look_of(call: Call) -> Look:
    """
    How to show things to this caller.
    """
    return Look(call.base, call.token.project_id, call.version, call.token.is_admin)


def list_reply(
    call: Call, name: str, shown: Sequence[dict[str, Any]], asked: Listing, many: int = 0
) -> Reply:
    """
    One page of the things called `name`, with the link to the next.
    """
    body: dict[str, Any] = {name: shown}
    url = call.base + call.path.partition("/volume")[2]
    linked = links(url, call.queries(), [view["id"] for view in shown], asked.limit)
    if linked:
        body[f"{name}_links"] = linked
    if asked.with_count and call.version >= (3, 45):
        body["count"] = many
    return json_reply(body)
