"""
/quotas.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.network.api.service import read_body
from synnefo_tx.network.errors import PolicyNotAuthorized
from synnefo_tx.network.rows import quotas as rows
from synnefo_tx.network.rules.quotas import read_limits
from synnefo_tx.network.views import quotas as views

ALL, ONE = "/quotas", "/quotas/<project_id>"


def add_routes(service: Service) -> None:
    """
    Serve quotas.
    """
    _add_readers(service)
    _add_changes(service)


def _own(call: Call, project_id: str) -> str:
    """
    The project's id, if the caller may read its quota.
    """
    if project_id != call.token.project_id and not call.token.is_admin:
        raise PolicyNotAuthorized("get_quota")
    return project_id


def _add_readers(service: Service) -> None:
    database = service.database

    @service.route("GET", ALL, "get_quota")
    async def index(call: Call) -> Reply:
        if not call.token.is_admin:
            raise PolicyNotAuthorized("get_quota")
        return json_reply(views.listed(await database.read(rows.all_quotas)))

    @service.route("GET", ONE, "get_quota")
    async def show(call: Call, project_id: str) -> Reply:
        return json_reply(views.limits(await database.read(rows.usages, _own(call, project_id))))

    @service.route("GET", f"{ONE}/details", "get_quota")
    async def details(call: Call, project_id: str) -> Reply:
        return json_reply(views.details(await database.read(rows.usages, _own(call, project_id))))

    @service.route("GET", f"{ONE}/default", "get_quota")
    async def defaults(call: Call, project_id: str) -> Reply:
        return json_reply(views.limits(await database.read(rows.defaults, _own(call, project_id))))

    @service.route("GET", f"{ALL}/project", "get_quota")
    async def own_project(call: Call) -> Reply:
        return json_reply({"project": {"project_id": call.token.project_id}})

    @service.route("GET", f"{ALL}/tenant", "get_quota")
    async def own_tenant(call: Call) -> Reply:
        return json_reply({"tenant": {"tenant_id": call.token.project_id}})


def _add_changes(service: Service) -> None:
    @service.route("PUT", ONE, "update_quota")
    async def update(call: Call, project_id: str) -> Reply:
        asked = read_limits(read_body(call))
        told = Told("update_quota", "quota", project_id, {"limits": asked.limits})
        found = await service.write(call, told, rows.set_quotas, project_id, asked)
        return json_reply(views.limits(found))

    @service.route("DELETE", ONE, "delete_quota")
    async def delete(call: Call, project_id: str) -> Reply:
        told = Told("delete_quota", "quota", project_id)
        await service.write(call, told, rows.forget_quotas, project_id)
        return empty_reply()
