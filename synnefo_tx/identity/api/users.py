"""
/v3/users: all for administrators, each user's own for the user.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.faults import AccountNotFound, ActionForbidden
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rows.lists import list_projects_of, list_users
from synnefo_tx.identity.views.accounts import project_view, user_view

FILTERS = {"name": "name", "domain_id": "domain_id", "enabled": "enabled"}


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/users", "identity:list_users")
    async def users(call: Call) -> Reply:
        found, more = await context.database.read(list_users, page_of(call, FILTERS))
        return collection(call, "users", [user_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/users/<user_id>", "identity:get_user")
    async def user(call: Call, user_id: str) -> Reply:
        found = await _user(context, call, user_id, "identity:get_user")
        return json_reply({"user": user_view(found, v3(call))})

    @router.route("GET", "/v3/users/<user_id>/projects", "identity:list_user_projects")
    async def projects(call: Call, user_id: str) -> Reply:
        await _user(context, call, user_id, "identity:list_user_projects")
        page = page_of(call, FILTERS)
        found, more = await context.database.read(list_projects_of, user_id, page)
        return collection(call, "projects", [project_view(one, v3(call)) for one in found], more)


async def _user(context: Context, call: Call, user_id: str, action: str) -> User:
    if not call.token.is_admin and call.token.user_id != user_id:
        raise ActionForbidden(action)
    found = await context.database.read(find_user, user_id)
    if found is None:
        raise AccountNotFound("user", user_id)
    return found
