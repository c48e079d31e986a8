"""
The five calls that Keystone has for nearly everything it keeps: list, create, show, update, delete.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen
from sqlalchemy import Connection

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.follower import IFollower, Told
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.lists import Filter, Page
from synnefo_tx.identity.rows.things import Kind, Thing

Changes = Mapping[str, Any]
Unit = Callable[..., Thing]


async def as_given(_call: Call, _context: Context, thing: Thing) -> Thing:
    """
    Nothing to complete.
    """
    return thing


async def as_asked(_call: Call, _context: Context, _before: Thing, changes: Thing) -> Thing:
    """
    Nothing to add to the changes.
    """
    return changes


def removed(connection: Connection, kind: Kind, thing: Thing, _now: int, _horizon_s: int) -> None:
    """
    The thing alone goes.
    """
    things.remove(connection, kind, thing["id"])


def anywhere(_thing: Changes) -> Target:
    """
    Of a thing that belongs to no user, project or domain.
    """
    return Target()


@frozen
class Resource:
    """
    One kind of thing under /v3/<plural>.

    create, update: what bodies must look like (the part under the noun).  filters: of lists, each
    with its column.  view: a thing and the URL of /v3 to JSON.  target: of a thing, for the
    permissions.  complete: fills in what a new thing lacks; its id is there already.  prepare: the
    changes to make, of those asked for.
    creating, changing, removing: units in whose transaction it is done: (connection, kind, thing)
    -> thing, (connection, kind, before, changes, now, horizon_s) -> thing, and (connection, kind,
    thing, now, horizon_s).  now, horizon_s: seconds, for revoking tokens.  new_view: as view, for
    the one answer that shows a secret.  named_by_clients: a new one's id may be given.
    """

    kind: Kind
    create: Body
    update: Body
    filters: Mapping[str, str]
    view: Callable[[Thing, str], dict[str, Any]]
    target: Callable[[Changes], Target]
    complete: Callable[[Call, Context, Thing], Awaitable[Thing]] = as_given
    prepare: Callable[[Call, Context, Thing, Thing], Awaitable[Thing]] = as_asked
    creating: Unit = things.create
    new_view: Callable[[Thing, str], dict[str, Any]] | None = None
    changing: Unit | None = None
    removing: Callable[..., None] = removed
    named_by_clients: bool = False
    path: str = field()

    @path.default
    def _path(self) -> str:
        return f"/v3/{self.kind.plural}"

    def action(self, verb: str) -> str:
        """
        The permission for a verb: "list", "get", "create", "update" or "delete".
        """
        noun = self.kind.plural if verb == "list" else self.kind.noun
        return f"identity:{verb}_{noun}"


def add_resource(router: Router, context: Context, resource: Resource) -> None:
    """
    All five calls.
    """
    add_reading(router, context, resource)
    add_writing(router, context, resource)


def add_reading(router: Router, context: Context, resource: Resource) -> None:
    """
    List and show.
    """
    kind = resource.kind

    @router.route("GET", resource.path, resource.action("list"))
    async def index(call: Call) -> Reply:
        page = own_domain_only(call, kind, page_of(call, resource.filters))
        found, more = await context.database.read(things.list_things, kind, page)
        views = [resource.view(one, v3(call)) for one in found]
        return collection(call, kind.plural, views, more)

    @router.route("GET", f"{resource.path}/<thing_id>", resource.action("get"))
    async def show(call: Call, thing_id: str) -> Reply:
        found = await permitted(context, call, resource, "get", thing_id)
        return json_reply({kind.noun: resource.view(found, v3(call))})


def add_writing(router: Router, context: Context, resource: Resource) -> None:
    """
    Create, update and delete.
    """

    @router.route("POST", resource.path, resource.action("create"))
    async def create(call: Call) -> Reply:
        given = resource.create.check(json_body.read(call).get(resource.kind.noun, {}))
        return json_reply(await made(context, call, resource, given), 201)

    add_changing(router, context, resource)


async def made(context: Context, call: Call, resource: Resource, given: Thing) -> dict[str, Any]:
    """
    A new thing, as the answer tells it.  given: the body's part under the noun, checked.
    """
    kind = resource.kind
    action = resource.action("create")
    new_id = {"id": uuid.uuid4().hex}
    begun = new_id | given if resource.named_by_clients else given | new_id
    thing = await resource.complete(call, context, begun)
    enforce(call, action, resource.target(thing))
    entry = entry_of(call, action, kind.noun, thing["id"], told(given))
    new = await write(
        context, entry, _made, resource, thing, context.follower, _doer(context, call)
    )
    return {kind.noun: (resource.new_view or resource.view)(new, v3(call))}


def add_changing(router: Router, context: Context, resource: Resource) -> None:
    """
    Update and delete.
    """
    kind = resource.kind

    @router.route("PATCH", f"{resource.path}/<thing_id>", resource.action("update"))
    async def update(call: Call, thing_id: str) -> Reply:
        changes: Thing = resource.update.check(json_body.read(call).get(kind.noun, {}))
        after = await changed(context, call, resource, thing_id, changes)
        return json_reply({kind.noun: resource.view(after, v3(call))})

    @router.route("DELETE", f"{resource.path}/<thing_id>", resource.action("delete"))
    async def delete(call: Call, thing_id: str) -> Reply:
        await ended(context, call, resource, thing_id)
        return empty_reply()


async def changed(
    context: Context, call: Call, resource: Resource, thing_id: str, changes: Thing
) -> Thing:
    """
    The thing after these changes, which are checked.
    """
    before = await permitted(context, call, resource, "update", thing_id)
    action = resource.action("update")
    entry = entry_of(call, action, resource.kind.noun, thing_id, told(changes))
    changes = await resource.prepare(call, context, before, changes)
    if changes.get("id", thing_id) != thing_id:
        raise BadRequest("Cannot change ID")
    following = (context.follower, _doer(context, call))
    return await write(context, entry, _changed, resource, before, changes, *following)


async def ended(context: Context, call: Call, resource: Resource, thing_id: str) -> None:
    """
    The thing goes.
    """
    before = await permitted(context, call, resource, "delete", thing_id)
    entry = entry_of(call, resource.action("delete"), resource.kind.noun, thing_id)
    following = (context.follower, _doer(context, call))
    await write(context, entry, _ended, resource, before, *following)


async def permitted(
    context: Context, call: Call, resource: Resource, verb: str, thing_id: str
) -> Thing:
    """
    The thing, if the caller may do `verb` to it.  Raises ActionForbidden before AccountNotFound,
    so that nobody learns what exists who may not see it.
    """
    found = await context.database.read(things.find, resource.kind, thing_id)
    target = resource.target(found) if found is not None else Target()
    enforce(call, resource.action(verb), target)
    if found is None:
        raise AccountNotFound(resource.kind.noun, thing_id)
    return found


def own_domain_only(call: Call, kind: Kind, page: Page) -> Page:
    """
    Those who work in a domain see its things, whatever they ask for.
    """
    token = call.token
    if token.is_admin or token.system or not token.domain_id or "domain_id" not in kind.columns:
        return page
    return evolve(page, filters=(*page.filters, Filter("domain_id", token.domain_id)))


def told(changes: Changes) -> dict[str, Any]:
    """
    What the audit log tells of a body: which attributes, and the values of the harmless ones.
    """
    plain = {"name", "enabled", "domain_id", "default_project_id", "parent_id", "type", "interface"}
    details: dict[str, Any] = {name: changes[name] for name in plain & changes.keys()}
    others = sorted(changes.keys() - plain)
    return details | ({"attributes": others} if others else {})


def _made(
    connection: Connection, resource: Resource, thing: Thing, follower: IFollower, doer: Told
) -> Thing:
    new = resource.creating(connection, resource.kind, thing)
    follower.made(connection, resource.kind.noun, new, doer)
    return new


def _changed(
    connection: Connection,
    resource: Resource,
    before: Thing,
    changes: Changes,
    follower: IFollower,
    doer: Told,
) -> Thing:
    kind = resource.kind
    if resource.changing is not None:
        now, horizon_s = doer.now_us // 10**6, doer.horizon_s
        after = resource.changing(connection, kind, before, changes, now, horizon_s)
    else:
        after = things.change(connection, kind, before["id"], changes)
    follower.changed(connection, kind.noun, before, after, doer)
    return after


def _ended(
    connection: Connection, resource: Resource, before: Thing, follower: IFollower, doer: Told
) -> None:
    kind = resource.kind
    follower.ends(connection, kind.noun, before, doer)
    resource.removing(connection, kind, before, doer.now_us // 10**6, doer.horizon_s)


def _doer(context: Context, call: Call) -> Told:
    now_us = int(context.clock() * 10**6)
    return Told(call.token.user_id, now_us, context.tokens.horizon_s)
