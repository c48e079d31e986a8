"""
/userinfo: an access token's user, as far as the token may know.

Source: OpenID Connect Core 5.3, RFC 6750.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.openid.api.context import OPEN_TO_SCRIPTS, UNCACHED, Context
from synnefo_tx.openid.errors import InvalidToken
from synnefo_tx.openid.rows import tokens
from synnefo_tx.openid.views.claims import person_claims


def add_routes(router: Router, context: Context) -> None:
    async def told(call: Call) -> Reply:
        kind, _, text = call.header("authorization").partition(" ")
        if kind.lower() != "bearer":
            raise InvalidToken
        read = context.identity.database.read
        held = await read(tokens.held, text.strip(), context.now())
        if held is None or held.kind != "access" or "openid" not in held.scopes:
            raise InvalidToken
        claims = person_claims(held.grant.person, held.scopes)
        return json_reply(claims, 200, *UNCACHED, *OPEN_TO_SCRIPTS)

    router.route("GET", "/userinfo", None)(told)
    router.route("POST", "/userinfo", None)(told)

    async def preflight(_call: Call) -> Reply:
        allowed = ("Access-Control-Allow-Headers", "authorization, content-type")
        return empty_reply(204, *OPEN_TO_SCRIPTS, allowed)

    for path in ("/userinfo", "/token", "/revoke"):
        router.route("OPTIONS", path, None)(preflight)
