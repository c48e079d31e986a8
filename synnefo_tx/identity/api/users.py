"""
/v3/users, and the own password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.groups import in_own_domain
from synnefo_tx.identity.api.resource import Resource, add_resource
from synnefo_tx.identity.api.schemas import BOOLEAN, DESCRIPTION, DOMAIN_ID, ID, NAME, body_schema
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import users
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.users import user_view

_OPTIONS = {
    "type": "object",
    "properties": {
        "ignore_change_password_upon_first_use": {"type": ["boolean", "null"]},
        "ignore_password_expiry": {"type": ["boolean", "null"]},
        "ignore_lockout_failure_attempts": {"type": ["boolean", "null"]},
        "ignore_user_inactivity": {"type": ["boolean", "null"]},
        "lock_password": {"type": ["boolean", "null"]},
        "multi_factor_auth_enabled": {"type": ["boolean", "null"]},
        "multi_factor_auth_rules": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
    },
    "additionalProperties": False,
}
_FIELDS = {
    "name": NAME,
    "default_project_id": ID | {"type": ["string", "null"]},
    "description": DESCRIPTION,
    "domain_id": DOMAIN_ID,
    "enabled": BOOLEAN,
    "password": {"type": ["string", "null"], "maxLength": 4096},
    "options": _OPTIONS,
}
# What no client may set, whatever it calls an attribute of its own.
_OURS = USER.columns - _FIELDS.keys() - {"id"}


def user_target(thing: Mapping[str, Any]) -> Target:
    return Target((thing["id"],), domain_id=thing["domain_id"])


async def _complete(call: Call, context: Context, thing: Thing) -> Thing:
    given = {"enabled": True, "options": {}, "default_project_id": None} | _without_ours(thing)
    now = int(context.clock())
    given |= {"created_at": now, "password_created_at": now, "password_hash": None}
    return in_own_domain(call, await _hashed(context, given))


async def _prepare(_call: Call, context: Context, before: Thing, changes: Thing) -> Thing:
    asked = _without_ours(changes)
    if asked.get("domain_id", before["domain_id"]) != before["domain_id"]:
        raise BadRequest("Cannot change Domain ID.")
    if asked.get("id", before["id"]) != before["id"]:
        raise BadRequest("Cannot change user ID.")
    if "options" in asked:
        merged = before["options"] | asked["options"]
        asked["options"] = {name: value for name, value in merged.items() if value is not None}
    if "password" in asked:
        asked |= {"password_created_at": int(context.clock())}
    return await _hashed(context, asked)


async def _hashed(context: Context, given: Thing) -> Thing:
    password = given.pop("password", None)
    if password is not None:
        given["password_hash"] = await context.passwords.hash(password)
    return given


def _without_ours(given: Thing) -> Thing:
    return {name: value for name, value in given.items() if name not in _OURS}


USERS = Resource(
    kind=USER,
    create=Body(body_schema(_FIELDS, required=("name",)), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"name": "name", "domain_id": "domain_id", "enabled": "enabled"},
    view=user_view,
    target=user_target,
    complete=_complete,
    prepare=_prepare,
    changing=users.change_user,
    removing=users.remove_user,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, USERS)
