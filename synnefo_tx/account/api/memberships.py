"""
/projects/memberships: joining and leaving, letting in and out.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.account.api.changing import actor_of, doing_of, page_of, write
from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.model import Actor
from synnefo_tx.account.rows import lists, members
from synnefo_tx.account.rows.lists import ToldMember
from synnefo_tx.account.rules import project_bodies as bodies
from synnefo_tx.account.rules.rights import CHECKS, allowed_actions
from synnefo_tx.account.views import projects as views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router

ALL = f"{PREFIX}/projects/memberships"
ONE = f"{ALL}/<membership_id>"
_APPOINTING = {"promote": True, "demote": False}  # ours; Synnefo has no moderators


def add_routes(router: Router, context: Context) -> None:
    """
    Serve memberships.
    """
    database = context.database

    @router.route("GET", ALL, "account:list_memberships")
    async def index(call: Call) -> Reply:
        marker, limit = page_of(call)
        after = None if marker is None else bodies.read_number(marker)
        actor, project_id = actor_of(call), call.query("project")
        found = await database.read(lists.memberships, actor, project_id, after, limit)
        return json_reply([_view(one, actor) for one in found])

    @router.route("GET", ONE, "account:get_membership")
    async def show(call: Call, membership_id: str) -> Reply:
        actor, number = actor_of(call), bodies.read_number(membership_id)
        return json_reply(_view(await database.read(lists.membership, actor, number), actor))

    @router.route("POST", ALL, "account:enter_project")
    async def enter(call: Call) -> Reply:
        action, data = bodies.read_action(read_object(call), ("join", "enroll"))
        project_id, doing = bodies.read_id(data, "project"), doing_of(context, call)
        about = ("project", project_id)
        if action == "join":
            unit, told = members.join, {"user_id": doing.actor.user_id}
            permission = "account:join_project"
            number = await write(context, call, permission, about, told, unit, doing, project_id)
        else:
            name = bodies.read_id(data, "user")
            enroll, named = members.enroll, {"user": name}
            permission = "account:enroll_member"
            number = await write(
                context, call, permission, about, named, enroll, doing, project_id, name
            )
        return json_reply({"id": number})

    _add_actions(router, context)


def _add_actions(router: Router, context: Context) -> None:
    @router.route("POST", f"{ONE}/action", "account:act_on_membership")
    async def act(call: Call, membership_id: str) -> Reply:
        action, data = bodies.read_action(read_object(call), (*CHECKS, *_APPOINTING))
        number = bodies.read_number(membership_id)
        doing = doing_of(context, call, bodies.read_reason(data))
        about, told = ("membership", membership_id), {"reason": doing.reason}
        permission = f"account:{action}_membership"
        if action in _APPOINTING:
            appoint, moderator = members.appoint, _APPOINTING[action]
            await write(context, call, permission, about, told, appoint, doing, number, moderator)
        else:
            step = members.act
            await write(context, call, permission, about, told, step, doing, number, action)
        return empty_reply(200)


def _view(told: ToldMember, actor: Actor) -> dict[str, Any]:
    return views.membership(told.row, told.dates, allowed_actions(told.place, actor))
