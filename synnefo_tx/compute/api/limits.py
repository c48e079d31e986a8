"""
/limits and /os-quota-sets.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.permissions import PREFIX
from synnefo_tx.compute.rows import quotas as rows
from synnefo_tx.compute.rules.quota_bodies import read_limits, update_schema
from synnefo_tx.compute.views import limits as views
from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.quota.model import Holding, Payer

SETS = "/os-quota-sets/<project_id>"


def add_routes(service: Service) -> None:
    """
    Serve limits.
    """
    database = service.database

    async def quotas(call: Call, project_id: str, policy: str) -> dict[str, Holding]:
        if project_id != call.token.project_id and not call.token.is_admin:
            raise Forbidden(f"Policy doesn't allow {PREFIX}{policy} to be performed.")
        if project_id != call.token.project_id and policy.startswith("os-quota-sets"):
            await database.read(rows.check_project, project_id)
        found = await database.read(rows.quotas, Payer(call.query("user_id") or "", project_id))
        return views.quotas(found, call.version)

    @service.route("GET", "/limits", "limits")
    async def limits(call: Call) -> Reply:
        project_id = call.query("tenant_id") or call.token.project_id
        return json_reply(
            views.limits(await quotas(call, project_id, "limits:other_project"), call.version)
        )

    @service.route("GET", SETS, "os-quota-sets:show")
    async def show(call: Call, project_id: str) -> Reply:
        found = await quotas(call, project_id, "os-quota-sets:show")
        return json_reply(views.quota_set(found, project_id, detailed=False))

    @service.route("GET", f"{SETS}/detail", "os-quota-sets:detail")
    async def detail(call: Call, project_id: str) -> Reply:
        found = await quotas(call, project_id, "os-quota-sets:detail")
        return json_reply(views.quota_set(found, project_id, detailed=True))

    @service.route("GET", f"{SETS}/defaults", "os-quota-sets:defaults")
    async def defaults(call: Call, project_id: str) -> Reply:
        found = views.quotas(await database.read(rows.defaults, project_id), call.version)
        return json_reply(views.quota_set(found, project_id, detailed=False))

    _add_changes(service)


def _add_changes(service: Service) -> None:
    def told(call: Call, name: str, project_id: str, **details: object) -> Told:
        of_whom = {"user_id": call.query("user_id") or ""}
        return Told(f"os-quota-sets:{name}", "quota", project_id, of_whom | details)

    @service.route("PUT", SETS, "os-quota-sets:update")
    async def update(call: Call, project_id: str) -> Reply:
        asked, force = read_limits(update_schema(call.version).check(body_of(call)))
        found = await service.write(
            call,
            told(call, "update", project_id, limits=asked),
            rows.set_quotas,
            Payer(call.query("user_id") or "", project_id),
            asked,
            force=force,
        )
        shown = views.quotas(found, call.version)
        return json_reply(views.quota_set(shown, None, detailed=False))

    @service.route("DELETE", SETS, "os-quota-sets:delete")
    async def delete(call: Call, project_id: str) -> Reply:
        payer = Payer(call.query("user_id") or "", project_id)
        await service.write(call, told(call, "delete", project_id), rows.forget_quotas, payer)
        return empty_reply(202)
