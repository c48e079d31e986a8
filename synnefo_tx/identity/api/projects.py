"""
/v3/projects: all for administrators, one for those who work in it.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, flag, page_of
from synnefo_tx.identity.faults import AccountNotFound, ActionForbidden
from synnefo_tx.identity.rows.accounts import find_project
from synnefo_tx.identity.rows.lists import list_projects
from synnefo_tx.identity.views.accounts import project_view

FILTERS = {"name": "name", "domain_id": "domain_id", "enabled": "enabled", "parent_id": "domain_id"}


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/projects", "identity:list_projects")
    async def projects(call: Call) -> Reply:
        page = page_of(call, FILTERS)
        if flag(call, "is_domain"):
            return collection(call, "projects", [], False)  # no project of ours acts as a domain
        found, more = await context.database.read(list_projects, page)
        return collection(call, "projects", [project_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/projects/<project_id>", "identity:get_project")
    async def project(call: Call, project_id: str) -> Reply:
        if not call.token.is_admin and call.token.project_id != project_id:
            raise ActionForbidden("identity:get_project")
        found = await context.database.read(find_project, project_id)
        if found is None:
            raise AccountNotFound("project", project_id)
        return json_reply({"project": project_view(found, v3(call))})
