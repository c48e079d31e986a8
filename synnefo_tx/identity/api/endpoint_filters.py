"""
/v3/OS-EP-FILTER: which endpoints a project is told of.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import Resource, add_resource, anywhere
from synnefo_tx.identity.api.schemas import DESCRIPTION, NAME, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows import endpoint_filters, things
from synnefo_tx.identity.rows.kinds import ENDPOINT, ENDPOINT_GROUP, PROJECT
from synnefo_tx.identity.rows.project_tags import with_tags
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import project_view
from synnefo_tx.identity.views.attachments import endpoint_group_view
from synnefo_tx.identity.views.catalog import endpoint_view

ROOT = "/v3/OS-EP-FILTER"
FILTERS = {"service_id", "region_id", "interface", "enabled"}
_FIELDS = {"name": NAME, "description": DESCRIPTION, "filters": {"type": "object"}}


async def _complete(_call: Call, _context: Context, thing: Thing) -> Thing:
    return _checked({"description": None} | thing)


async def _prepare(_call: Call, _context: Context, _before: Thing, changes: Thing) -> Thing:
    return _checked(changes)


def _checked(given: Thing) -> Thing:
    for name in given.get("filters", {}):
        if name not in FILTERS:
            raise BadRequest(f"Invalid input for field 'filters': {name} is no attribute.")
    return given


ENDPOINT_GROUPS = Resource(
    kind=ENDPOINT_GROUP,
    create=Body(body_schema(_FIELDS, required=("name", "filters")), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"name": "name"},
    view=endpoint_group_view,
    target=anywhere,
    complete=_complete,
    prepare=_prepare,
    removing=endpoint_filters.remove_endpoint_group,
    path=f"{ROOT}/endpoint_groups",
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, ENDPOINT_GROUPS)
    _add_pairs(
        router,
        context,
        "endpoint_group",
        f"{ROOT}/endpoint_groups/<thing_id>/projects/<project_id>",
        (
            "add_endpoint_group_to_project",
            "get_endpoint_group_in_project",
            "remove_endpoint_group_from_project",
        ),
    )
    _add_pairs(
        router,
        context,
        "endpoint",
        f"{ROOT}/projects/<project_id>/endpoints/<thing_id>",
        ("add_endpoint_to_project", "check_endpoint_in_project", "remove_endpoint_from_project"),
    )
    _add_lists(router, context)
    _add_lists_of_groups(router, context)


def _add_pairs(
    router: Router, context: Context, noun: str, path: str, actions: tuple[str, ...]
) -> None:
    adding, checking, removing = (f"identity:{action}" for action in actions)

    @router.route("PUT", path, adding)
    async def add(call: Call, thing_id: str, project_id: str) -> Reply:
        entry = entry_of(call, adding, noun, thing_id, {"project_id": project_id})
        await write(context, entry, endpoint_filters.associate, noun, thing_id, project_id)
        return empty_reply()

    @router.route("GET", path, checking)
    async def check(call: Call, thing_id: str, project_id: str) -> Reply:
        found = await context.database.read(endpoint_filters.check, noun, thing_id, project_id)
        if noun == "endpoint" or call.request.method == b"HEAD":
            return empty_reply(204 if noun == "endpoint" else 200)
        return json_reply({noun: endpoint_group_view(found, v3(call))})

    @router.route("DELETE", path, removing)
    async def remove(call: Call, thing_id: str, project_id: str) -> Reply:
        entry = entry_of(call, removing, noun, thing_id, {"project_id": project_id})
        await write(context, entry, endpoint_filters.part, noun, thing_id, project_id)
        return empty_reply()


def _add_lists(router: Router, context: Context) -> None:
    @router.route(
        "GET", f"{ROOT}/projects/<project_id>/endpoints", "identity:list_endpoints_for_project"
    )
    async def endpoints(call: Call, project_id: str) -> Reply:
        await context.database.read(things.fetch, PROJECT, project_id)
        where = await context.database.read(endpoint_filters.endpoints_of, project_id)
        return await _endpoints(context, call, where)

    @router.route(
        "GET", f"{ROOT}/endpoints/<thing_id>/projects", "identity:list_projects_for_endpoint"
    )
    async def projects(call: Call, thing_id: str) -> Reply:
        await context.database.read(things.fetch, ENDPOINT, thing_id)
        return await _projects(context, call, "endpoint", thing_id)

    @router.route(
        "GET",
        f"{ROOT}/projects/<project_id>/endpoint_groups",
        "identity:list_endpoint_groups_for_project",
    )
    async def groups(call: Call, project_id: str) -> Reply:
        await context.database.read(things.fetch, PROJECT, project_id)
        where = endpoint_filters.groups_of(project_id)
        page = page_of(call, ENDPOINT_GROUPS.filters)
        found, more = await context.database.read(things.list_things, ENDPOINT_GROUP, page, where)
        views = [endpoint_group_view(one, v3(call)) for one in found]
        return collection(call, "endpoint_groups", views, more)


def _add_lists_of_groups(router: Router, context: Context) -> None:
    path = f"{ROOT}/endpoint_groups/<group_id>"

    @router.route(
        "GET",
        f"{path}/endpoints",
        "identity:list_endpoints_associated_with_endpoint_group",
    )
    async def endpoints(call: Call, group_id: str) -> Reply:
        group = await context.database.read(things.fetch, ENDPOINT_GROUP, group_id)
        return await _endpoints(context, call, endpoint_filters.within(group["filters"]))

    @router.route(
        "GET", f"{path}/projects", "identity:list_projects_associated_with_endpoint_group"
    )
    async def projects(call: Call, group_id: str) -> Reply:
        await context.database.read(things.fetch, ENDPOINT_GROUP, group_id)
        return await _projects(context, call, "endpoint_group", group_id)


async def _endpoints(context: Context, call: Call, where: Any) -> Reply:
    page = page_of(call, {})
    found, more = await context.database.read(things.list_things, ENDPOINT, page, where)
    return collection(call, "endpoints", [endpoint_view(one, v3(call)) for one in found], more)


async def _projects(context: Context, call: Call, noun: str, thing_id: str) -> Reply:
    where = endpoint_filters.told_of(noun, thing_id)
    found, more = await context.database.read(things.list_things, PROJECT, page_of(call, {}), where)
    tagged = await context.database.read(with_tags, found)
    return collection(call, "projects", [project_view(one, v3(call)) for one in tagged], more)
