"""
/v3/groups and the users in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, enforce, refuse_beyond, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import Resource, add_resource
from synnefo_tx.identity.api.schemas import DESCRIPTION, DOMAIN_ID, NAME, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import memberships, things
from synnefo_tx.identity.rows.kinds import GROUP, USER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.groups import group_view
from synnefo_tx.identity.views.users import user_view


class NotAMember(NotFound):
    """
    The user is not in the group.
    """

    def __init__(self, user_id: str, group_id: str) -> None:
        super().__init__(f"User '{user_id}' not found in group '{group_id}'.")


_FIELDS = {"name": NAME, "description": DESCRIPTION, "domain_id": DOMAIN_ID}
_USER_FILTERED = ("name", "domain_id", "enabled", "password_expires_at")
USER_FILTERS = {name: name for name in _USER_FILTERED}


def domain_target(thing: Mapping[str, Any]) -> Target:
    return Target(domain_id=thing["domain_id"])


async def _complete(call: Call, _context: Context, thing: Thing) -> Thing:
    return in_own_domain(call, thing | {"description": thing.get("description") or ""})


async def _prepare(_call: Call, _context: Context, before: Thing, changes: Thing) -> Thing:
    if changes.get("domain_id", before["domain_id"]) != before["domain_id"]:
        raise BadRequest("Cannot change Domain ID.")
    return changes


def in_own_domain(call: Call, thing: Thing) -> Thing:
    """
    A new thing that names no domain belongs to the caller's.
    """
    token = call.token
    own = token.domain_id or token.project_domain_id or token.user_domain_id
    return thing | {"domain_id": thing.get("domain_id") or own}


GROUPS = Resource(
    kind=GROUP,
    create=Body(body_schema(_FIELDS, required=("name",)), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"name": "name", "domain_id": "domain_id"},
    view=group_view,
    target=domain_target,
    complete=_complete,
    prepare=_prepare,
    removing=memberships.remove_group,
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, GROUPS)
    _add_members(router, context)

    @router.route("GET", "/v3/users/<user_id>/groups", "identity:list_groups_for_user")
    async def groups_of_user(call: Call, user_id: str) -> Reply:
        user = await context.database.read(things.find, USER, user_id)
        domain_id = user["domain_id"] if user else None
        enforce(call, "identity:list_groups_for_user", Target((user_id,), domain_id=domain_id))
        await context.database.read(things.fetch, USER, user_id)
        page = page_of(call, GROUPS.filters)
        where = memberships.groups_of(user_id)
        found, more = await context.database.read(things.list_things, GROUP, page, where)
        return collection(call, "groups", [group_view(one, v3(call)) for one in found], more)


def _add_members(router: Router, context: Context) -> None:
    path = "/v3/groups/<group_id>/users"

    @router.route("GET", path, "identity:list_users_in_group")
    async def index(call: Call, group_id: str) -> Reply:
        await _group(context, call, group_id, "identity:list_users_in_group")
        page = page_of(call, USER_FILTERS)
        where = memberships.members_of(group_id)
        found, more = await context.database.read(things.list_things, USER, page, where)
        return collection(call, "users", [user_view(one, v3(call)) for one in found], more)

    @router.route("PUT", f"{path}/<user_id>", "identity:add_user_to_group")
    async def add(call: Call, group_id: str, user_id: str) -> Reply:
        group = await _member(context, call, group_id, user_id, "identity:add_user_to_group")
        await refuse_beyond(context, call, "identity:add_user_to_group", "group", group)
        told = {"user_id": user_id}
        entry = entry_of(call, "identity:add_user_to_group", "group", group_id, told)
        await write(context, entry, memberships.add_member, user_id, group_id)
        return empty_reply()

    @router.route("HEAD", f"{path}/<user_id>", "identity:check_user_in_group")
    async def check(call: Call, group_id: str, user_id: str) -> Reply:
        await _member(context, call, group_id, user_id, "identity:check_user_in_group")
        await context.database.read(things.fetch, USER, user_id)
        if not await context.database.read(memberships.is_member, user_id, group_id):
            raise NotAMember(user_id, group_id)
        return empty_reply()

    @router.route("DELETE", f"{path}/<user_id>", "identity:remove_user_from_group")
    async def remove(call: Call, group_id: str, user_id: str) -> Reply:
        await _member(context, call, group_id, user_id, "identity:remove_user_from_group")
        told = {"user_id": user_id}
        entry = entry_of(call, "identity:remove_user_from_group", "group", group_id, told)
        now, horizon_s = int(context.clock()), context.tokens.horizon_s
        await write(context, entry, _remove, user_id, group_id, now, horizon_s)
        return empty_reply()


async def _group(context: Context, call: Call, group_id: str, action: str) -> Thing:
    found = await context.database.read(things.find, GROUP, group_id)
    enforce(call, action, domain_target(found) if found else Target())
    if found is None:
        raise AccountNotFound("group", group_id)
    return found


async def _member(context: Context, call: Call, group_id: str, user_id: str, action: str) -> Thing:
    """
    The group, if the caller may do `action` with this user in it: of those who work in a domain
    and no more, only when both are of their domain.
    """
    group = await context.database.read(things.find, GROUP, group_id)
    user = await context.database.read(things.find, USER, user_id)
    places = {one["domain_id"] for one in (group, user) if one is not None}
    enforce(call, action, Target(domain_id=places.pop() if len(places) == 1 else None))
    if group is None:
        raise AccountNotFound("group", group_id)
    return group


def _remove(connection: Connection, user_id: str, group_id: str, now: int, horizon_s: int) -> None:
    things.fetch(connection, USER, user_id)
    if not memberships.remove_member(connection, user_id, group_id, now, horizon_s):
        raise NotAMember(user_id, group_id)
