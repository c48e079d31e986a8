"""
/v3/auth/projects, domains, system and catalog: what the bearer of a token may work with.
"""

from __future__ import annotations

from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, root, v3
from synnefo_tx.identity.api.listing import collection
from synnefo_tx.identity.rows.lists import Filter, Page, list_projects_of
from synnefo_tx.identity.views.accounts import project_view
from synnefo_tx.identity.views.catalog import catalog_view

USABLE = Page(filters=(Filter("enabled", True),))


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/auth/projects", "identity:get_auth_projects")
    async def own_projects(call: Call) -> Reply:
        found, _ = await context.database.read(list_projects_of, call.token.user_id, USABLE)
        return collection(
            call, "projects", [project_view(project, v3(call)) for project in found], False
        )

    @router.route("GET", "/v3/auth/domains", "identity:get_auth_domains")
    async def own_domains(call: Call) -> Reply:
        # Roles are held on projects only: nobody can be scoped to a domain.
        return collection(call, "domains", [], False)

    @router.route("GET", "/v3/auth/system", "identity:get_auth_system")
    async def own_system(call: Call) -> Reply:
        return json_reply({"system": [], "links": {"self": f"{v3(call)}/auth/system"}})

    @router.route("GET", "/v3/auth/catalog", "identity:get_auth_catalog")
    async def own_catalog(call: Call) -> Reply:
        if not call.token.project_id:
            raise Forbidden("You are not authorized to perform the requested action.")
        endpoints = context.catalog.endpoints(root(call))
        return json_reply(
            {
                "catalog": catalog_view(endpoints, call.token.project_id),
                "links": {"self": f"{v3(call)}/auth/catalog"},
            }
        )
