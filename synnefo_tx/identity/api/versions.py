"""
GET / and GET /v3: discovery, without a token.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import v3
from synnefo_tx.identity.views.versions import version_view


def add_routes(router: Router) -> None:
    @router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        answer = {"versions": {"values": [version_view(v3(call))]}}
        return json_reply(answer, 300, ("Location", f"{v3(call)}/"))

    @router.route("GET", "/v3", None)
    async def version(call: Call) -> Reply:
        return json_reply({"version": version_view(v3(call))})
