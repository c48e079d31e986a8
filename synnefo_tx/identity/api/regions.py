"""
/v3/regions.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.resource import Resource, add_resource, anywhere, made
from synnefo_tx.identity.api.schemas import DESCRIPTION, body_schema
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.rows import catalog, things
from synnefo_tx.identity.rows.kinds import REGION
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.catalog import region_view

_FIELDS = {
    "id": {"type": "string", "maxLength": 255},
    "description": DESCRIPTION,
    "parent_region_id": {"type": ["string", "null"]},
}


async def _complete(_call: Call, context: Context, thing: Thing) -> Thing:
    given = {"parent_region_id": None} | thing
    await _check_parent(context, given)
    return given | {"description": given.get("description") or ""}


async def _prepare(_call: Call, context: Context, before: Thing, changes: Thing) -> Thing:
    if changes.get("id", before["id"]) != before["id"]:
        raise BadRequest("Cannot change the ID of a region.")
    await _check_parent(context, changes)
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    return changes


async def _check_parent(context: Context, given: Thing) -> None:
    parent: str | None = given.get("parent_region_id")
    if parent and await context.database.read(things.find, REGION, parent) is None:
        raise AccountNotFound("region", parent)


REGIONS = Resource(
    kind=REGION,
    named_by_clients=True,
    create=Body(body_schema(_FIELDS), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"parent_region_id": "parent_region_id"},
    view=region_view,
    target=anywhere,
    complete=_complete,
    prepare=_prepare,
    changing=catalog.change_region,
    removing=catalog.remove_region,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, REGIONS)

    @router.route("PUT", "/v3/regions/<region_id>", "identity:create_region")
    async def put(call: Call, region_id: str) -> Reply:
        given: Thing = REGIONS.create.check(json_body.read(call).get("region", {}))
        if given.get("id", region_id) != region_id:
            raise BadRequest(f'Conflicting region IDs specified: "{region_id}" != "{given["id"]}"')
        return json_reply(await made(context, call, REGIONS, given | {"id": region_id}), 201)
