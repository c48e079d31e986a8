"""
/quotas, /service_quotas and /service_project_quotas.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.account.api.context import PREFIX, Context
from synnefo_tx.account.views import quotas as views
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.quota.model import Holding, InProject
from synnefo_tx.quota.rows import reports, resources, who

OfUsers = dict[str, dict[str, dict[str, InProject]]]


def add_routes(router: Router, context: Context) -> None:
    """
    Serve quotas to users and to services.
    """
    database = context.database

    @router.route("GET", f"{PREFIX}/quotas", "account:list_quotas")
    async def own(call: Call) -> Reply:
        return json_reply(views.in_projects(await database.read(_own, call.token.user_id)))

    @router.route("GET", f"{PREFIX}/service_quotas", "account:list_service_quotas")
    async def of_users(call: Call) -> Reply:
        found = await database.read(
            _of_users, call.token.user_name, call.query("user"), call.query("project")
        )
        return json_reply(views.of_users(found))

    @router.route("GET", f"{PREFIX}/service_project_quotas", "account:list_service_project_quotas")
    async def of_projects(call: Call) -> Reply:
        found = await database.read(_of_projects, call.token.user_name, call.query("project"))
        return json_reply(views.of_projects(found))


def _own(connection: Connection, user_id: str) -> dict[str, dict[str, InProject]]:
    """
    What the user sees, in the projects in which the user works.
    """
    names = [row.name for row in resources.listed(connection) if row.api_visible]
    return reports.of_user(connection, user_id, who.works_in(connection, user_id), names)


def _of_users(
    connection: Connection, service: str, user_id: str | None, project_id: str | None
) -> OfUsers:
    """
    What the service counts.  Raises NotFound.
    """
    names = resources.names_of_service(connection, service)
    if user_id is None:
        return reports.of_users(connection, names, None if project_id is None else [project_id])
    if not who.user_exists(connection, user_id):
        raise NotFound(f"No such user '{user_id}'")
    places = [one for one in who.works_in(connection, user_id) if project_id in (None, one)]
    return {user_id: reports.of_user(connection, user_id, places, names)}


def _of_projects(
    connection: Connection, service: str, project_id: str | None
) -> dict[str, dict[str, Holding]]:
    """
    What the service counts.  Raises NotFound.
    """
    names = resources.names_of_service(connection, service)
    found = reports.of_projects(connection, names, None if project_id is None else [project_id])
    if project_id is not None and not found:
        raise NotFound(f"No such project '{project_id}'")
    return found
