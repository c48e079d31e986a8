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
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.effective import has_domain, roles_on_system, works_in
from synnefo_tx.identity.rows.kinds import DOMAIN, PROJECT
from synnefo_tx.identity.rows.lists import Filter, Page
from synnefo_tx.identity.rows.project_tags import with_tags
from synnefo_tx.identity.views.accounts import domain_view, project_view
from synnefo_tx.identity.views.catalog import catalog_view

USABLE = Page(filters=(Filter("enabled", True),))


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/auth/projects", "identity:get_auth_projects")
    async def own_projects(call: Call) -> Reply:
        where = works_in(call.token.user_id)
        found, _ = await context.database.read(things.list_things, PROJECT, USABLE, where)
        tagged = await context.database.read(with_tags, found)
        views = [project_view(one, v3(call)) for one in tagged]
        return collection(call, "projects", views, False)

    @router.route("GET", "/v3/auth/domains", "identity:get_auth_domains")
    async def own_domains(call: Call) -> Reply:
        where = has_domain(call.token.user_id)
        found, _ = await context.database.read(things.list_things, DOMAIN, USABLE, where)
        tagged = await context.database.read(with_tags, found)
        return collection(call, "domains", [domain_view(one, v3(call)) for one in tagged], False)

    @router.route("GET", "/v3/auth/system", "identity:get_auth_system")
    async def own_system(call: Call) -> Reply:
        held = await context.database.read(roles_on_system, call.token.user_id)
        system = [{"all": True}] if held else []
        return json_reply({"system": system, "links": {"self": f"{v3(call)}/auth/system"}})

    @router.route("GET", "/v3/auth/catalog", "identity:get_auth_catalog")
    async def own_catalog(call: Call) -> Reply:
        if not call.token.project_id:
            raise Forbidden("You are not authorized to perform the requested action.")
        offered = await context.catalog.services(call.token.project_id)
        return json_reply(
            {
                "catalog": catalog_view(offered, root(call), call.token.project_id),
                "links": {"self": f"{v3(call)}/auth/catalog"},
            }
        )
