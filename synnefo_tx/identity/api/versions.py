"""
GET / and GET /v3: discovery, without a token.
"""

from __future__ import annotations

import msgspec
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import v3
from synnefo_tx.identity.views.json_home import json_home_view
from synnefo_tx.identity.views.versions import version_view

JSON, JSON_HOME = "application/json", "application/json-home"


def add_routes(router: Router) -> None:
    @router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        if _wants_home(call):
            return _home("/v3")
        answer = {"versions": {"values": [version_view(v3(call))]}}
        return json_reply(answer, 300, ("Location", f"{v3(call)}/"))

    @router.route("GET", "/v3", None)
    async def version(call: Call) -> Reply:
        if _wants_home(call):
            return _home("")
        return json_reply({"version": version_view(v3(call))})


def _wants_home(call: Call) -> bool:
    accepted = parse_accept_header(call.header("accept"), MIMEAccept)
    return accepted.best_match([JSON, JSON_HOME]) == JSON_HOME


def _home(below: str) -> Reply:
    return Reply(200, msgspec.json.encode(json_home_view(below)), JSON_HOME)
