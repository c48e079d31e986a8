"""
/v3/OS-TRUST/trusts: what a user lets another do in a project.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.delegated import refuse_application_credentials
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.schemas import TRUST as SCHEMA
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows import trusts as rows
from synnefo_tx.identity.rows.kinds import TRUST
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.login import ended
from synnefo_tx.identity.rules.moments import end_us
from synnefo_tx.identity.rules.redelegation import LONGEST, first_count
from synnefo_tx.identity.views.accounts import role_view
from synnefo_tx.identity.views.trusts import role_links, trust_view, whole_trust_view

PATH = "/v3/OS-TRUST/trusts"
ENDS = ("trustor_user_id", "trustee_user_id")
_body = Body(SCHEMA, keystone_wording)
# What no client may set, whatever it calls an attribute of its own.
_OURS = frozenset({"id", "deleted_at", "redelegated_trust_id", "roles", "allow_redelegation"})


def add_routes(router: Router, context: Context) -> None:
    _add_writing(router, context)
    _add_roles(router, context)

    @router.route("GET", PATH, "identity:list_trusts_for_trustor")
    async def index(call: Call) -> Reply:
        _enforce_list(call)
        refuse_application_credentials(call)
        page = page_of(call, {name: name for name in ENDS})
        found, more = await context.database.read(things.list_things, TRUST, page)
        return collection(call, "trusts", [trust_view(one, v3(call)) for one in found], more)

    @router.route("GET", f"{PATH}/<trust_id>", "identity:get_trust")
    async def show(call: Call, trust_id: str) -> Reply:
        found = await _permitted(context, call, "get_trust", trust_id)
        held = await context.database.read(rows.roles_of, trust_id)
        return json_reply({"trust": whole_trust_view(found, held, v3(call))})


def _add_writing(router: Router, context: Context) -> None:
    @router.route("POST", PATH, "identity:create_trust")
    async def create(call: Call) -> Reply:
        given = _body.check(json_body.read(call).get("trust", {}))
        enforce(call, "identity:create_trust", Target((given["trustor_user_id"],)))
        refuse_application_credentials(call)
        thing = _complete(call, given, context.clock())
        told = {name: thing[name] for name in (*ENDS, "project_id", "impersonation")}
        entry = entry_of(call, "identity:create_trust", "trust", thing["id"], told)
        wanted = given.get("roles") or []
        made, held = await write(context, entry, rows.create_trust, TRUST, thing, wanted)
        return json_reply({"trust": whole_trust_view(made, held, v3(call))}, 201)

    @router.route("DELETE", f"{PATH}/<trust_id>", "identity:delete_trust")
    async def delete(call: Call, trust_id: str) -> Reply:
        found = await _permitted(context, call, "delete_trust", trust_id)
        entry = entry_of(call, "identity:delete_trust", "trust", trust_id)
        now, horizon_s = int(context.clock()), context.tokens.horizon_s
        await write(context, entry, rows.remove_trust, TRUST, found, now, horizon_s)
        return empty_reply()


def _add_roles(router: Router, context: Context) -> None:
    path = f"{PATH}/<trust_id>/roles"

    @router.route("GET", path, "identity:list_roles_for_trust")
    async def index(call: Call, trust_id: str) -> Reply:
        await _permitted(context, call, "list_roles_for_trust", trust_id)
        held = await context.database.read(rows.roles_of, trust_id)
        views = [role_view(role, v3(call)) for role in held]
        return json_reply({"roles": views, "links": role_links(trust_id, v3(call))})

    @router.route("GET", f"{path}/<role_id>", "identity:get_role_for_trust")
    async def show(call: Call, trust_id: str, role_id: str) -> Reply:
        await _permitted(context, call, "get_role_for_trust", trust_id)
        held = await context.database.read(rows.roles_of, trust_id)
        for role in held:
            if role["id"] == role_id:
                return json_reply({"role": role_view(role, v3(call))})
        raise AccountNotFound("role", role_id)


def _complete(call: Call, given: Mapping[str, Any], now: float) -> Thing:
    """
    What is to be stored, but for the roles.  A trust that is made by the token of another hands
    that one on.
    """
    count = first_count(given)
    parent_id = call.token.trust_id or None
    ends_at = given.get("expires_at")
    own = {name: value for name, value in given.items() if name not in _OURS}
    return own | {
        "id": uuid.uuid4().hex,
        "project_id": given.get("project_id") or None,
        "remaining_uses": given.get("remaining_uses"),
        "expires_at": None if ends_at is None else end_us(ends_at, now) // 10**6,
        "redelegated_trust_id": parent_id,
        "redelegation_count": LONGEST if count is None and parent_id is None else count,
    }


def _enforce_list(call: Call) -> None:
    """
    Everybody may list the own ones, by one end or the other; readers of the system all.
    """
    trustor, trustee = (call.query(name) for name in ENDS)
    if trustor:
        enforce(call, "identity:list_trusts_for_trustor", Target((trustor,)))
    elif trustee:
        enforce(call, "identity:list_trusts_for_trustee", Target((trustee,)))
    else:
        enforce(call, "identity:list_trusts", Target())


async def _permitted(context: Context, call: Call, verb: str, trust_id: str) -> Thing:
    """
    The trust, if the caller may do `verb` to it.  As in Keystone, one that is not there, has ended
    or is used up is not found, whoever asks.
    """
    found = await context.database.read(things.find, TRUST, trust_id)
    if found is None or found["remaining_uses"] == 0 or ended(found["expires_at"], context.clock()):
        raise AccountNotFound("trust", trust_id)
    ends = ENDS if verb != "delete_trust" else ENDS[:1]
    enforce(call, f"identity:{verb}", Target(tuple(found[name] for name in ends)))
    refuse_application_credentials(call)
    return found
