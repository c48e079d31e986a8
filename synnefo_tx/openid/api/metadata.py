"""
What anybody may know of the provider.
"""

from __future__ import annotations

from attrs import evolve

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.openid.api.context import OPEN_TO_SCRIPTS, Context, issuer_of
from synnefo_tx.openid.views.metadata import metadata

KEPT_S = 3600  # far shorter than a key is published before it signs


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/.well-known/openid-configuration", None)
    async def configuration(call: Call) -> Reply:
        return _public(json_reply(metadata(issuer_of(call))))

    @router.route("GET", "/keys", None)
    async def keys(_call: Call) -> Reply:
        return _public(json_reply(await context.signer.key_set()))


def _public(reply: Reply) -> Reply:
    cache = ("Cache-Control", f"public, max-age={KEPT_S}")
    return evolve(reply, headers=(*OPEN_TO_SCRIPTS, cache))
