"""
/v3/users.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import evolve

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, refuse_beyond
from synnefo_tx.identity.api.groups import USER_FILTERS, in_own_domain
from synnefo_tx.identity.api.resource import Resource, add_resource
from synnefo_tx.identity.api.schemas import BOOLEAN, DESCRIPTION, DOMAIN_ID, ID, NAME, body_schema
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import users
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.compliance import check_strength, end_of_password
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
    given: Thing = {"enabled": True, "options": {}, "default_project_id": None} | _without_ours(
        thing
    )
    given |= {"created_at": int(context.clock()), "password_hash": None}
    return in_own_domain(call, await _hashed(context, given, given["options"]))


async def _prepare(call: Call, context: Context, before: Thing, changes: Thing) -> Thing:
    await refuse_beyond(context, call, "identity:update_user", "user", before)
    asked = _without_ours(changes)
    if asked.get("domain_id", before["domain_id"]) != before["domain_id"]:
        raise BadRequest("Cannot change Domain ID.")
    if asked.get("id", before["id"]) != before["id"]:
        raise BadRequest("Cannot change user ID.")
    if "options" in asked:
        merged = before["options"] | asked["options"]
        asked["options"] = {name: value for name, value in merged.items() if value is not None}
    if asked.get("enabled"):
        asked |= {"failed_logins": 0, "failed_login_at": None}
        asked |= {"last_active_at": int(context.clock())}  # or the user would be inactive still
    return await _hashed(context, asked, (before | asked)["options"])


async def _hashed(context: Context, given: Thing, options: Mapping[str, Any]) -> Thing:
    """
    With the hash of the password in its place, and what the rules make of it.
    """
    password = given.pop("password", None)
    if password is None:
        return given
    policy, now = context.gate.policy, int(context.clock())
    check_strength(policy, password)
    return given | {
        "password_hash": await context.passwords.hash(password),
        "password_created_at": now,
        "password_expires_at": end_of_password(policy, options, now, own=False),
        "password_own": False,
    }


def _without_ours(given: Thing) -> Thing:
    return {name: value for name, value in given.items() if name not in _OURS}


USERS = Resource(
    kind=USER,
    create=Body(body_schema(_FIELDS, required=("name",)), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters=USER_FILTERS,
    view=user_view,
    target=user_target,
    complete=_complete,
    prepare=_prepare,
    removing=users.remove_user,
)


def add_routes(router: Router, context: Context) -> None:
    changing = partial(users.change_user, keep=users.kept(context.gate.policy))
    add_resource(router, context, evolve(USERS, changing=changing))
