"""
/v3/services and /v3/endpoints.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.resource import Resource, add_resource, anywhere
from synnefo_tx.identity.api.schemas import BOOLEAN, DESCRIPTION, ID, NAME, URL, body_schema
from synnefo_tx.identity.catalog import INTERFACES
from synnefo_tx.identity.rows import catalog, things
from synnefo_tx.identity.rows.kinds import ENDPOINT, REGION, SERVICE
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.catalog import endpoint_view, service_view

_SERVICE = {
    "enabled": BOOLEAN,
    "name": NAME | {"type": ["string", "null"]},
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": DESCRIPTION,
}
_ENDPOINT = {
    "enabled": BOOLEAN,
    "interface": {"type": "string", "enum": sorted(INTERFACES)},
    "region_id": {"type": ["string", "null"]},
    "region": {"type": ["string", "null"]},
    "service_id": ID,
    "url": URL,
}


async def _service(_call: Call, _context: Context, thing: Thing) -> Thing:
    return {"enabled": True, "name": "", "description": ""} | thing


async def _endpoint(_call: Call, context: Context, thing: Thing) -> Thing:
    return await _in_region(context, {"enabled": True, "region_id": None} | thing)


async def _moved(_call: Call, context: Context, _before: Thing, changes: Thing) -> Thing:
    return await _in_region(context, changes)


async def _in_region(context: Context, given: Thing) -> Thing:
    """
    `region` is what older clients call `region_id`.
    """
    region = given.pop("region", None)
    if region and not given.get("region_id"):
        given["region_id"] = region
    named: str | None = given.get("region_id")
    if named and await context.database.read(things.find, REGION, named) is None:
        raise BadRequest(f"Could not find region: {named}.")
    return given


SERVICES = Resource(
    kind=SERVICE,
    create=Body(body_schema(_SERVICE, required=("type",)), keystone_wording),
    update=Body(body_schema(_SERVICE, at_least_one=True), keystone_wording),
    filters={"name": "name", "type": "type"},
    view=service_view,
    target=anywhere,
    complete=_service,
    removing=catalog.remove_service,
)
ENDPOINTS = Resource(
    kind=ENDPOINT,
    create=Body(
        body_schema(_ENDPOINT, required=("interface", "service_id", "url")), keystone_wording
    ),
    update=Body(body_schema(_ENDPOINT, at_least_one=True), keystone_wording),
    filters={"interface": "interface", "service_id": "service_id", "region_id": "region_id"},
    view=endpoint_view,
    target=anywhere,
    complete=_endpoint,
    prepare=_moved,
    removing=catalog.remove_endpoint,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, SERVICES)
    add_resource(router, context, ENDPOINTS)
