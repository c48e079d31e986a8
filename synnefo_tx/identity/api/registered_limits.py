"""
/v3/registered_limits: limits that hold for whoever has no other.
"""

from __future__ import annotations

import uuid
from typing import Any

from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.resource import Resource, add_changing, add_reading, anywhere
from synnefo_tx.identity.api.schemas import DESCRIPTION, ID, NAME, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows import registered_limits
from synnefo_tx.identity.rows.kinds import REGISTERED_LIMIT
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.limits import registered_limit_view

AMOUNT: dict[str, Any] = {"type": "integer", "minimum": -1, "maximum": 0x7FFFFFFF}
RESOURCE: dict[str, Any] = {
    "service_id": ID,
    "region_id": {"type": ["string", "null"]},
    "resource_name": NAME,
    "description": DESCRIPTION,
}
_FIELDS = RESOURCE | {"default_limit": AMOUNT}
_ONE = body_schema(_FIELDS, required=("service_id", "resource_name", "default_limit"), closed=True)


def several(noun: str, one: dict[str, Any]) -> Body:
    """
    A body that makes some of these at once.
    """
    every = {"type": "array", "items": one, "minItems": 1}
    return Body(body_schema({noun: every}, required=(noun,), closed=True), keystone_wording)


_CREATE = several("registered_limits", _ONE)
REGISTERED_LIMITS = Resource(
    kind=REGISTERED_LIMIT,
    create=_CREATE,
    update=Body(body_schema(_FIELDS, closed=True), keystone_wording),
    filters={name: name for name in ("service_id", "region_id", "resource_name")},
    view=registered_limit_view,
    target=anywhere,
    changing=registered_limits.change_registered,
    removing=registered_limits.remove_registered,
)


def add_routes(router: Router, context: Context) -> None:
    add_reading(router, context, REGISTERED_LIMITS)
    add_changing(router, context, REGISTERED_LIMITS)

    @router.route("POST", "/v3/registered_limits", "identity:create_registered_limits")
    async def create(call: Call) -> Reply:
        given: list[Thing] = _CREATE.check(json_body.read(call))["registered_limits"]
        new = [{"id": uuid.uuid4().hex, **one} for one in given]
        entry = entry_of(
            call,
            "identity:create_registered_limits",
            "registered_limit",
            ",".join(one["id"] for one in new),
            {"registered_limits": new},
        )
        made = await write(context, entry, registered_limits.register, new)
        views = [registered_limit_view(one, v3(call)) for one in made]
        return json_reply({"registered_limits": views}, 201)
