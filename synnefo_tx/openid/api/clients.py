"""
/v1/clients: the web applications that may send their users here, as administrators register them.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.listing import page_of
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.openid.api.context import Context
from synnefo_tx.openid.model import AUTH_METHODS, BASIC, NONE, SCOPES
from synnefo_tx.openid.rows.clients import CLIENT, end_grants
from synnefo_tx.openid.rules.redirects import why_refused
from synnefo_tx.openid.unguessable import digest, fresh

_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^\x00-\x1f]+$"},
    "redirect_uris": {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": 20,
        "uniqueItems": True,
    },
    "scopes": {"type": "array", "items": {"enum": list(SCOPES)}, "uniqueItems": True},
    "may_introspect": {"type": "boolean"},
    "trusted": {"type": "boolean"},
    "enabled": {"type": "boolean"},
}


def _schema(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    inner = {"type": "object", "properties": fields, "additionalProperties": False}
    if required:
        inner["required"] = required
    outer = {"type": "object", "properties": {"client": inner}, "required": ["client"]}
    return outer | {"additionalProperties": False}


CREATE = Body(
    _schema(
        {**_FIELDS, "token_endpoint_auth_method": {"enum": list(AUTH_METHODS)}},
        ["name", "redirect_uris"],
    )
)
UPDATE = Body(_schema(_FIELDS, []))  # of another kind is another client


def add_routes(router: Router, context: Context) -> None:
    _add_reading(router, context)
    _add_writing(router, context)

    @router.route("POST", "/v1/clients/<client_id>/secret", "openid:renew_client_secret")
    async def renew(call: Call, client_id: str) -> Reply:
        secret = fresh()
        entry = entry_of(call, "openid:renew_client_secret", "client", client_id)
        after = await write(context.identity, entry, _renew, client_id, digest(secret))
        return json_reply({"client": view(after) | {"client_secret": secret}})


def _add_reading(router: Router, context: Context) -> None:
    database = context.identity.database

    @router.route("GET", "/v1/clients", "openid:list_clients")
    async def index(call: Call) -> Reply:
        page = page_of(call, {"name": "name"})
        found, more = await database.read(things.list_things, CLIENT, page)
        return json_reply({"clients": [view(one) for one in found], "truncated": more})

    @router.route("GET", "/v1/clients/<client_id>", "openid:get_client")
    async def show(_call: Call, client_id: str) -> Reply:
        return json_reply({"client": view(await database.read(things.fetch, CLIENT, client_id))})


def _add_writing(router: Router, context: Context) -> None:
    @router.route("POST", "/v1/clients", "openid:create_client")
    async def create(call: Call) -> Reply:
        given = CREATE.check(call.json())["client"]
        method = given.pop("token_endpoint_auth_method", BASIC)
        secret = None if method == NONE else fresh()
        usual = {"scopes": list(SCOPES), "may_introspect": False, "trusted": False, "enabled": True}
        thing = (
            usual
            | given
            | {
                "id": uuid.uuid4().hex,
                "auth_method": method,
                "secret_digest": digest(secret) if secret else None,
                "created_at": context.now(),
            }
        )
        _check(thing)
        told = {"name": thing["name"], "redirect_uris": thing["redirect_uris"]}
        entry = entry_of(call, "openid:create_client", "client", thing["id"], told)
        made = await write(context.identity, entry, things.create, CLIENT, thing)
        shown_once = {"client_secret": secret} if secret else {}
        return json_reply({"client": view(made) | shown_once}, 201)

    @router.route("PATCH", "/v1/clients/<client_id>", "openid:update_client")
    async def update(call: Call, client_id: str) -> Reply:
        changes = UPDATE.check(call.json())["client"]
        entry = entry_of(call, "openid:update_client", "client", client_id, changes)
        after = await write(context.identity, entry, _change, client_id, changes)
        return json_reply({"client": view(after)})

    @router.route("DELETE", "/v1/clients/<client_id>", "openid:delete_client")
    async def delete(call: Call, client_id: str) -> Reply:
        entry = entry_of(call, "openid:delete_client", "client", client_id)
        await write(context.identity, entry, things.remove, CLIENT, client_id)
        return empty_reply()


def view(thing: Thing) -> dict[str, Any]:
    """
    A client as administrators see it, without its secret.
    """
    told = {
        name: thing[name]
        for name in ("name", "redirect_uris", "scopes", "may_introspect", "trusted")
    }
    return told | {
        "client_id": thing["id"],
        "token_endpoint_auth_method": thing["auth_method"],
        "enabled": thing["enabled"],
        "created_at": thing["created_at"],
    }


def _check(thing: Thing) -> None:
    public = thing["auth_method"] == NONE
    for uri in thing["redirect_uris"]:
        why = why_refused(uri, public)
        if why is not None:
            raise BadRequest(f"redirect_uris: {uri}: {why}")
    if public and thing["may_introspect"]:
        raise BadRequest("may_introspect: a public client can't show who it is")
    if public and thing["trusted"]:
        raise BadRequest("trusted: any program can say to be a public client")


def _change(connection: Connection, client_id: str, changes: Thing) -> Thing:
    """
    One that is disabled loses what it has.
    """
    before = things.fetch(connection, CLIENT, client_id)
    _check(before | changes)
    if changes.get("enabled") is False:
        end_grants(connection, client_id)
    return things.change(connection, CLIENT, client_id, changes)


def _renew(connection: Connection, client_id: str, secret_digest: str) -> Thing:
    if things.fetch(connection, CLIENT, client_id)["auth_method"] == NONE:
        raise BadRequest("A public client has no secret.")
    return things.change(connection, CLIENT, client_id, {"secret_digest": secret_digest})
