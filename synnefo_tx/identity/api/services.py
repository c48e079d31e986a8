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
from synnefo_tx.identity.catalog import INTERFACES, PLACES
from synnefo_tx.identity.rows import catalog
from synnefo_tx.identity.rows.kinds import ENDPOINT, SERVICE
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


async def _endpoint(_call: Call, _context: Context, thing: Thing) -> Thing:
    _check_url(thing["url"])
    return {"enabled": True} | thing


async def _changed(_call: Call, _context: Context, _before: Thing, changes: Thing) -> Thing:
    _check_url(changes.get("url", ""))
    return changes


def _check_url(url: str) -> None:
    """
    Raises BadRequest for one that leaves open what we can't fill in.
    """
    try:
        url.replace("$(", "%(") % dict.fromkeys(PLACES, "")
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"Cannot create an endpoint with an invalid URL: {url}.") from error


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
    prepare=_changed,
    creating=catalog.create_endpoint,
    changing=catalog.change_endpoint,
    removing=catalog.remove_endpoint,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, SERVICES)
    add_resource(router, context, ENDPOINTS)
