"""
/v3/roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import Resource, add_writing, permitted
from synnefo_tx.identity.api.schemas import DESCRIPTION, DOMAIN_ID, NAME, body_schema
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import roles, things
from synnefo_tx.identity.rows.kinds import ROLE
from synnefo_tx.identity.rows.lists import Filter, Page
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import role_view

_FIELDS = {
    "name": NAME,
    "description": DESCRIPTION,
    "domain_id": DOMAIN_ID,
    "options": {"type": "object"},
}


async def _complete(_call: Call, _context: Context, thing: Thing) -> Thing:
    given: Thing = {"description": None, "options": {}} | thing
    return given | {"domain_id": given.get("domain_id") or ""}


async def _prepare(_call: Call, _context: Context, before: Thing, changes: Thing) -> Thing:
    if (changes.get("domain_id", before["domain_id"]) or "") != before["domain_id"]:
        raise BadRequest("Update of `domain_id` is not allowed.")
    return {name: value for name, value in changes.items() if name != "domain_id"}


def role_target(thing: Mapping[str, Any]) -> Target:
    return Target(domain_id=thing["domain_id"] or None)


ROLES = Resource(
    kind=ROLE,
    create=Body(body_schema(_FIELDS, required=("name",)), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"name": "name"},
    view=role_view,
    target=role_target,
    complete=_complete,
    prepare=_prepare,
    removing=roles.remove_role,
)


def add_routes(router: Router, context: Context) -> None:
    add_writing(router, context, ROLES)

    @router.route("GET", "/v3/roles", "identity:list_roles")
    async def index(call: Call) -> Reply:
        page = page_of(call, ROLES.filters)
        inside = Filter("domain_id", call.query("domain_id") or "")
        page = Page((*page.filters, inside), page.marker, page.limit)
        found, more = await context.database.read(things.list_things, ROLE, page)
        return collection(call, "roles", [role_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/roles/<role_id>", "identity:get_role")
    async def show(call: Call, role_id: str) -> Reply:
        found = await permitted(context, call, ROLES, "get", role_id)
        return json_reply({"role": role_view(found, v3(call))})
