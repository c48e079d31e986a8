"""
/v3/projects.  Domains act as projects too: they can be made, shown and listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import domain_projects, json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.domains import DOMAINS
from synnefo_tx.identity.api.groups import in_own_domain
from synnefo_tx.identity.api.listing import collection, flag, page_of
from synnefo_tx.identity.api.resource import (
    Resource,
    changed,
    ended,
    made,
    own_domain_only,
    permitted,
)
from synnefo_tx.identity.api.schemas import (
    BOOLEAN,
    DESCRIPTION,
    DOMAIN_ID,
    ID,
    PROJECT_NAME,
    TAGS,
    body_schema,
)
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import limits, project_tags, project_tree, projects, things
from synnefo_tx.identity.rows.effective import works_in
from synnefo_tx.identity.rows.kinds import PROJECT, USER
from synnefo_tx.identity.rows.lists import Page
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import project_view

_FIELDS = {
    "name": PROJECT_NAME,
    "description": DESCRIPTION,
    "domain_id": DOMAIN_ID,
    "enabled": BOOLEAN,
    "is_domain": BOOLEAN,
    "parent_id": ID | {"type": ["string", "null"]},
    "tags": TAGS,
    "options": {"type": "object"},
}
FILTERS = {
    "name": "name",
    "domain_id": "domain_id",
    "enabled": "enabled",
    "parent_id": "parent_id",
}
_TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")


def project_target(thing: Mapping[str, Any]) -> Target:
    return Target(project_id=thing["id"], domain_id=thing["domain_id"])


async def _complete(call: Call, context: Context, thing: Thing) -> Thing:
    given: Thing = {"enabled": True, "options": {}, "tags": []} | thing
    given.pop("is_domain", None)
    given["description"] = given.get("description") or ""
    parent_id: str | None = given.get("parent_id")
    if parent_id and not given.get("domain_id"):
        parent = await context.database.read(things.find, PROJECT, parent_id)
        given["domain_id"] = parent["domain_id"] if parent else parent_id
    given = in_own_domain(call, given)
    return given | {"parent_id": parent_id or given["domain_id"]}


async def _prepare(_call: Call, _context: Context, before: Thing, changes: Thing) -> Thing:
    if changes.get("domain_id", before["domain_id"]) != before["domain_id"]:
        raise BadRequest("Cannot change Domain ID.")
    if changes.get("parent_id", before["parent_id"]) != before["parent_id"]:
        raise Forbidden("Update of `parent_id` is not allowed.")
    if changes.pop("is_domain", False):
        raise BadRequest("Update of `is_domain` is not allowed.")
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    return changes


PROJECTS = Resource(
    kind=PROJECT,
    create=Body(body_schema(_FIELDS, required=("name",)), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters=FILTERS,
    view=project_view,
    target=project_target,
    complete=_complete,
    prepare=_prepare,
    creating=projects.create_project,
    changing=projects.change_project,
    removing=projects.remove_project,
)


def add_routes(router: Router, context: Context) -> None:
    _add_changing(router, context)

    @router.route("POST", "/v3/projects", "identity:create_project")
    async def create(call: Call) -> Reply:
        given: Thing = PROJECTS.create.check(json_body.read(call).get("project", {}))
        if given.get("is_domain"):
            made_domain = await domain_projects.made_as_project(context, call, given)
            return json_reply({"project": made_domain}, 201)
        return json_reply(await made(context, call, PROJECTS, given), 201)

    @router.route("GET", "/v3/projects", "identity:list_projects")
    async def index(call: Call) -> Reply:
        if flag(call, "is_domain"):
            return await domain_projects.listed_as_projects(context, call)
        page = own_domain_only(call, PROJECT, page_of(call, FILTERS))
        where = project_tags.tagged(*(_tags(call, name) for name in _TAG_FILTERS))
        return await _listed(context, call, page, where)

    @router.route("GET", "/v3/projects/<project_id>", "identity:get_project")
    async def show(call: Call, project_id: str) -> Reply:
        if await domain_projects.is_domain(context, project_id):
            domain = await domain_projects.shown_as_project(context, call, project_id)
            return json_reply({"project": domain})
        found = await permitted(context, call, PROJECTS, "get", project_id)
        [tagged] = await context.database.read(project_tags.with_tags, [found])
        view = project_view(tagged, v3(call))
        return json_reply({"project": view | await _around(context, call, found)})

    @router.route("GET", "/v3/users/<user_id>/projects", "identity:list_user_projects")
    async def of_user(call: Call, user_id: str) -> Reply:
        user = await context.database.read(things.find, USER, user_id)
        domain_id = user["domain_id"] if user else None
        enforce(call, "identity:list_user_projects", Target((user_id,), domain_id=domain_id))
        if user is None:
            raise AccountNotFound("user", user_id)
        where = works_in(user_id)
        page = page_of(call, FILTERS)
        return await _listed(context, call, page, where)


def _add_changing(router: Router, context: Context) -> None:
    path = f"{PROJECTS.path}/<project_id>"

    @router.route("PATCH", path, PROJECTS.action("update"))
    async def update(call: Call, project_id: str) -> Reply:
        changes: Thing = PROJECTS.update.check(json_body.read(call).get("project", {}))
        if await domain_projects.is_domain(context, project_id):
            view = await domain_projects.changed_as_project(context, call, project_id, changes)
        else:
            after = await changed(context, call, PROJECTS, project_id, changes)
            view = project_view(after, v3(call))
        return json_reply({"project": view})

    @router.route("DELETE", path, PROJECTS.action("delete"))
    async def delete(call: Call, project_id: str) -> Reply:
        acts = await domain_projects.is_domain(context, project_id)
        await ended(context, call, DOMAINS if acts else PROJECTS, project_id)
        return empty_reply()


async def _listed(
    context: Context, call: Call, page: Page, where: ColumnElement[bool] | None
) -> Reply:
    found, more = await context.database.read(project_tags.list_tagged, PROJECT, page, where)
    base = v3(call)
    return collection(call, "projects", [project_view(one, base) for one in found], more)


def _tags(call: Call, name: str) -> list[str]:
    return [tag for tag in (call.query(name) or "").split(",") if tag]


async def _around(context: Context, call: Call, project: Thing) -> dict[str, Any]:
    """
    What the query asks for of the tree around the project.
    """
    if flag(call, "parents_as_list") and flag(call, "parents_as_ids"):
        raise BadRequest("Cannot use parents_as_list and parents_as_ids query params at once.")
    if flag(call, "subtree_as_list") and flag(call, "subtree_as_ids"):
        raise BadRequest("Cannot use subtree_as_list and subtree_as_ids query params at once.")
    told: dict[str, Any] = {}
    if flag(call, "parents_as_list") or flag(call, "parents_as_ids"):
        above = await context.database.read(project_tree.line_above, project["id"])
        if flag(call, "parents_as_list"):
            told["parents"] = await _in_full(context, call, above)
        else:
            told["parents"] = _nested_line([one["id"] for one in above] + [project["domain_id"]])
    if flag(call, "subtree_as_list") or flag(call, "subtree_as_ids"):
        below = await context.database.read(project_tree.tree_below, project["id"])
        if flag(call, "subtree_as_list"):
            told["subtree"] = await _in_full(context, call, below)
        else:
            told["subtree"] = _nested_tree(project["id"], below)
    return told


async def _in_full(context: Context, call: Call, found: list[Thing]) -> list[dict[str, Any]]:
    """
    Projects of the tree, with their limits when the query asks for those.
    """
    views = [project_view(one, v3(call)) for one in found]
    if flag(call, "include_limits"):
        known = await context.database.read(limits.by_project, [one["id"] for one in found])
        views = [view | {"limits": known.get(view["id"], [])} for view in views]
    return [{"project": view} for view in views]


def _nested_line(ids: list[str]) -> dict[str, Any] | None:
    line: dict[str, Any] | None = None
    for one in reversed(ids):
        line = {one: line}
    return line


def _nested_tree(root: str, below: list[Thing]) -> dict[str, Any] | None:
    inside = [one for one in below if one["parent_id"] == root]
    return {one["id"]: _nested_tree(one["id"], below) for one in inside} or None
