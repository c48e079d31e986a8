"""
/v3/projects/<id>/tags.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.projects import project_target
from synnefo_tx.identity.api.schemas import TAGS, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import project_tags, things
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.rows.things import Thing

PATH = "/v3/projects/<project_id>/tags"
MOST = 80
_tags = Body(body_schema({"tags": TAGS}, required=("tags",)), keystone_wording)
_tag = Body(TAGS["items"], keystone_wording)


class NoSuchTag(NotFound):
    """
    The project has no such tag.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(f"Could not find project tag: {tag}.")


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", PATH, "identity:list_project_tags")
    async def index(call: Call, project_id: str) -> Reply:
        project = await _project(context, call, project_id, "identity:list_project_tags")
        return _answer(call, project)

    @router.route("GET", f"{PATH}/<tag>", "identity:get_project_tag")
    async def check(call: Call, project_id: str, tag: str) -> Reply:
        project = await _project(context, call, project_id, "identity:get_project_tag")
        if tag not in project["tags"]:
            raise NoSuchTag(tag)
        return empty_reply()

    @router.route("PUT", PATH, "identity:update_project_tags")
    async def replace(call: Call, project_id: str) -> Reply:
        project = await _project(context, call, project_id, "identity:update_project_tags")
        tags = _tags.check(json_body.read(call))["tags"]
        await _set(context, call, project_id, "identity:update_project_tags", tags)
        return _answer(call, project | {"tags": sorted(tags)})

    @router.route("PUT", f"{PATH}/<tag>", "identity:create_project_tag")
    async def add(call: Call, project_id: str, tag: str) -> Reply:
        project = await _project(context, call, project_id, "identity:create_project_tag")
        _tag.check(tag)
        tags = sorted({*project["tags"], tag})
        if len(tags) > MOST:
            raise BadRequest(f"A project has at most {MOST} tags.")
        await _set(context, call, project_id, "identity:create_project_tag", tags)
        return Reply(201, headers=(("Location", f"{v3(call)}/projects/{project_id}/tags/{tag}"),))

    @router.route("DELETE", PATH, "identity:delete_project_tags")
    async def clear(call: Call, project_id: str) -> Reply:
        await _project(context, call, project_id, "identity:delete_project_tags")
        await _set(context, call, project_id, "identity:delete_project_tags", [])
        return empty_reply()

    @router.route("DELETE", f"{PATH}/<tag>", "identity:delete_project_tag")
    async def remove(call: Call, project_id: str, tag: str) -> Reply:
        project = await _project(context, call, project_id, "identity:delete_project_tag")
        if tag not in project["tags"]:
            raise NoSuchTag(tag)
        left = [one for one in project["tags"] if one != tag]
        await _set(context, call, project_id, "identity:delete_project_tag", left)
        return empty_reply()


async def _project(context: Context, call: Call, project_id: str, action: str) -> Thing:
    found = await context.database.read(_tagged, project_id)
    enforce(call, action, project_target(found) if found else Target())
    if found is None:
        raise AccountNotFound("project", project_id)
    return found


def _tagged(connection: Connection, project_id: str) -> Thing | None:
    found = things.find(connection, PROJECT, project_id)
    return project_tags.with_tags(connection, [found])[0] if found else None


async def _set(context: Context, call: Call, project_id: str, action: str, tags: list[str]) -> None:
    entry = entry_of(call, action, "project", project_id, {"tags": tags})
    await write(context, entry, project_tags.set_tags, project_id, tags)


def _answer(call: Call, project: Thing) -> Reply:
    here = f"{v3(call)}/projects/{project['id']}/tags"
    links = {"next": None, "previous": None, "self": here}
    return json_reply({"links": links, "tags": project["tags"]})
