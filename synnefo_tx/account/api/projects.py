"""
/projects: listed, applied for, modified by application, put to rest and woken.
"""

from __future__ import annotations

import uuid
from typing import Any

from synnefo_tx.account.api.changing import actor_of, doing_of, page_of, write
from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.rows import applications, control, lists
from synnefo_tx.account.rows.lists import Told, Wanted
from synnefo_tx.account.rules import project_bodies as bodies
from synnefo_tx.account.views import projects as views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router

ALL, ONE = f"{PREFIX}/projects", f"{PREFIX}/projects/<project_id>"
_CONTROL = ("suspend", "unsuspend", "terminate", "reinstate")
_ANSWERS = ("approve", "deny")
_WITHDRAWALS = ("dismiss", "cancel")


def add_routes(router: Router, context: Context) -> None:
    """
    Serve projects.
    """
    database = context.database

    @router.route("GET", ALL, "account:list_projects")
    async def index(call: Call) -> Reply:
        found = await database.read(lists.projects, actor_of(call), _wanted(call))
        return json_reply([_view(one) for one in found])

    @router.route("GET", ONE, "account:get_project")
    async def show(call: Call, project_id: str) -> Reply:
        return json_reply(_view(await database.read(lists.project, actor_of(call), project_id)))

    @router.route("POST", ALL, "account:apply_for_project")
    async def apply(call: Call) -> Reply:
        asked = bodies.read_new(read_object(call), context.now_us())
        project_id = uuid.uuid4().hex
        number = await write(
            context,
            call,
            "account:apply_for_project",
            ("project", project_id),
            {"name": asked.name},
            applications.apply_for,
            doing_of(context, call),
            project_id,
            asked,
        )
        return json_reply({"id": project_id, "application": number}, 201)

    @router.route("PUT", ONE, "account:modify_project")
    async def modify(call: Call, project_id: str) -> Reply:
        asked = bodies.read_modification(read_object(call), context.now_us())
        number = await write(
            context,
            call,
            "account:modify_project",
            ("project", project_id),
            {},
            applications.apply_to_modify,
            doing_of(context, call),
            project_id,
            asked,
        )
        return json_reply({"id": project_id, "application": number}, 201)

    _add_actions(router, context)


def _add_actions(router: Router, context: Context) -> None:
    @router.route("POST", f"{ONE}/action", "account:act_on_project")
    async def act(call: Call, project_id: str) -> Reply:
        known = (*_CONTROL, *_ANSWERS, *_WITHDRAWALS)
        action, data = bodies.read_action(read_object(call), known)
        doing = doing_of(context, call, bodies.read_reason(data))
        about = ("project", project_id)
        told: dict[str, Any] = {"action": action, "reason": doing.reason}
        permission = f"account:{action}_project"
        if action in _CONTROL:
            unit, given = control.control, (doing, project_id, action)
            await write(context, call, permission, about, told, unit, *given)
            return empty_reply(200)
        number = bodies.read_application_id(data)
        told["application"] = number
        if action in _ANSWERS:
            answer = applications.approve if action == "approve" else applications.deny
            await write(context, call, permission, about, told, answer, doing, number, project_id)
        else:
            withdraw = (doing, number, action, project_id)
            unit_of = applications.withdraw
            await write(context, call, permission, about, told, unit_of, *withdraw)
        return empty_reply(200)


def _wanted(call: Call) -> Wanted:
    marker, limit = page_of(call)
    asked: dict[str, list[str]] = {"state": [], "owner": [], "name": []}
    for name, value in call.queries():
        if name in asked:
            asked[name].append(value)
    return Wanted(
        mode=bodies.read_mode(call.query("mode") or "default"),
        states=[bodies.read_state(one) for one in asked["state"]],
        owners=asked["owner"],
        names=asked["name"],
        after=marker,
        limit=limit,
    )


def _view(told: Told) -> dict[str, Any]:
    return views.project(told.row, told.limits, told.application, told.owned)
