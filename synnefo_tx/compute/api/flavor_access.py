"""
/flavors/<id>/os-flavor-access, and who is let in and out.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import flavor_access as rows
from synnefo_tx.compute.rules.flavor_bodies import read_access
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service

GIVE, TAKE = "os-flavor-access:add_tenant_access", "os-flavor-access:remove_tenant_access"
ACTION = "/flavors/<flavor_id>/action"


def add_routes(service: Service) -> None:
    """
    Serve who may use a flavor.
    """

    @service.route("GET", "/flavors/<flavor_id>/os-flavor-access", "os-flavor-access")
    async def index(_: Call, flavor_id: str) -> Reply:
        return _shown(flavor_id, await service.database.read(rows.projects_of, flavor_id))

    @service.route("POST", ACTION, GIVE)
    async def change(call: Call, flavor_id: str) -> Reply:
        gives, project_id = read_access(body_of(call))
        told = Told(GIVE if gives else TAKE, "flavor", flavor_id, {"project_id": project_id})
        if gives:
            strict = call.version >= (2, 7)
            found = await service.write(call, told, rows.give, flavor_id, project_id, strict)
        else:
            service.enforce(call, TAKE)
            found = await service.write(call, told, rows.take, flavor_id, project_id)
        return _shown(flavor_id, found)

    service.way("POST", ACTION, TAKE, {"removeTenantAccess": {"tenant": "p1"}})


def _shown(flavor_id: str, projects: list[str]) -> Reply:
    allowed = [{"flavor_id": flavor_id, "tenant_id": project_id} for project_id in projects]
    return json_reply({"flavor_access": allowed})
