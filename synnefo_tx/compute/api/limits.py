"""
/limits and /os-quota-sets.
"""

from __future__ import annotations

from synnefo_tx.compute.api.service import Service
from synnefo_tx.compute.permissions import PREFIX
from synnefo_tx.compute.rows.keypairs import MAX_KEYPAIRS
from synnefo_tx.compute.views import limits as views
from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.quota.rows.holdings import DEFAULT_LIMITS, held


def add_routes(service: Service) -> None:
    """
    Serve limits.
    """

    async def quotas(call: Call, project_id: str, policy: str) -> dict[str, views.Held]:
        if project_id != call.token.project_id and not call.token.is_admin:
            raise Forbidden(f"Policy doesn't allow {PREFIX}{policy} to be performed.")
        found = await service.database.read(held, project_id)
        return views.quotas(found, call.version, MAX_KEYPAIRS)

    @service.route("GET", "/limits", "limits")
    async def limits(call: Call) -> Reply:
        project_id = call.query("tenant_id") or call.token.project_id
        return json_reply(
            views.limits(await quotas(call, project_id, "limits:other_project"), call.version)
        )

    @service.route("GET", "/os-quota-sets/<project_id>", "os-quota-sets:show")
    async def show(call: Call, project_id: str) -> Reply:
        found = await quotas(call, project_id, "os-quota-sets:show")
        return json_reply(views.quota_set(project_id, found, detailed=False))

    @service.route("GET", "/os-quota-sets/<project_id>/detail", "os-quota-sets:detail")
    async def detail(call: Call, project_id: str) -> Reply:
        found = await quotas(call, project_id, "os-quota-sets:detail")
        return json_reply(views.quota_set(project_id, found, detailed=True))

    @service.route("GET", "/os-quota-sets/<project_id>/defaults", "os-quota-sets:defaults")
    async def defaults(call: Call, project_id: str) -> Reply:
        fresh = {name: views.Fixed(limit) for name, limit in DEFAULT_LIMITS.items()}
        found = views.quotas(fresh, call.version, MAX_KEYPAIRS)
        return json_reply(views.quota_set(project_id, found, detailed=False))
