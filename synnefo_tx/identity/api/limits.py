"""
/v3/limits: limits of single projects and domains.  Kept for services that ask for them; what this
cloud's own services count is in its quotas.
"""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, and_, false, true

from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.registered_limits import AMOUNT, RESOURCE, several
from synnefo_tx.identity.api.resource import told
from synnefo_tx.identity.api.schemas import DESCRIPTION, ID, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import limits
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.limits import limit_view

MODEL = {
    "name": "flat",
    "description": (
        "Limit enforcement and validation does not take project hierarchy into consideration."
    ),
}
_HOLDERS = {name: ID | {"type": ["string", "null"]} for name in ("project_id", "domain_id")}
_NEEDED = ("service_id", "resource_name", "resource_limit")
_ONE = body_schema(
    RESOURCE | _HOLDERS | {"resource_limit": AMOUNT}, required=_NEEDED, closed=True
) | {"oneOf": [{"required": [*_NEEDED, holder]} for holder in ("domain_id", "project_id")]}
_CREATE = several("limits", _ONE)
_UPDATE = Body(
    body_schema({"resource_limit": AMOUNT, "description": DESCRIPTION}, closed=True),
    keystone_wording,
)


def add_routes(router: Router, context: Context) -> None:
    _add_reading(router, context)
    _add_writing(router, context)


def _add_reading(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/limits", "identity:list_limits")
    async def index(call: Call) -> Reply:
        where = and_(_seen(call), limits.fitting(dict(call.queries())))
        found, more = await context.database.read(limits.list_limits, page_of(call, {}), where)
        return collection(call, "limits", [limit_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/limits/model", "identity:get_limit_model")
    async def model(_call: Call) -> Reply:
        return json_reply({"model": MODEL})

    @router.route("GET", "/v3/limits/<limit_id>", "identity:get_limit")
    async def show(call: Call, limit_id: str) -> Reply:
        found = await context.database.read(limits.find, limit_id)
        target = Target()
        if found is not None:
            target = Target(project_id=found["project_id"], domain_id=found.pop("within"))
        enforce(call, "identity:get_limit", target)
        if found is None:
            raise AccountNotFound("limit", limit_id)
        return json_reply({"limit": limit_view(found, v3(call))})


def _seen(call: Call) -> ColumnElement[bool]:
    """
    Which limits the caller may see.
    """
    token = call.token
    if token.is_admin or token.system or "service" in token.roles:
        return true()
    if token.domain_id:
        return limits.held_within(token.domain_id)
    return limits.held_by("project", token.project_id) if token.project_id else false()


def _add_writing(router: Router, context: Context) -> None:
    @router.route("POST", "/v3/limits", "identity:create_limits")
    async def create(call: Call) -> Reply:
        given: list[Thing] = _CREATE.check(json_body.read(call))["limits"]
        new = [{"id": uuid.uuid4().hex, **one} for one in given]
        ids = ",".join(one["id"] for one in new)
        entry = entry_of(call, "identity:create_limits", "limit", ids, {"limits": new})
        made = await write(context, entry, limits.create, new)
        return json_reply({"limits": [limit_view(one, v3(call)) for one in made]}, 201)

    @router.route("PATCH", "/v3/limits/<limit_id>", "identity:update_limit")
    async def update(call: Call, limit_id: str) -> Reply:
        changes: Thing = _UPDATE.check(json_body.read(call).get("limit", {}))
        entry = entry_of(call, "identity:update_limit", "limit", limit_id, told(changes))
        after = await write(context, entry, limits.change, limit_id, changes)
        return json_reply({"limit": limit_view(after, v3(call))})

    @router.route("DELETE", "/v3/limits/<limit_id>", "identity:delete_limit")
    async def delete(call: Call, limit_id: str) -> Reply:
        entry = entry_of(call, "identity:delete_limit", "limit", limit_id)
        await write(context, entry, limits.remove, limit_id)
        return empty_reply()
