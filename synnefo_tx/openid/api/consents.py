"""
/v1/consents: what the caller lets clients do.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.openid.api.context import Context
from synnefo_tx.openid.rows import consents


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v1/consents", "openid:list_own_consents")
    async def index(call: Call) -> Reply:
        read = context.identity.database.read
        return json_reply({"consents": await read(consents.list_of, call.token.user_id)})

    @router.route("DELETE", "/v1/consents/<client_id>", "openid:delete_own_consent")
    async def delete(call: Call, client_id: str) -> Reply:
        entry = entry_of(call, "openid:delete_own_consent", "client", client_id)
        await write(context.identity, entry, consents.take_back, call.token.user_id, client_id)
        return empty_reply()
