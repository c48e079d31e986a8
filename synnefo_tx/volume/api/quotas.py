"""
/limits, /os-quota-sets and /os-quota-class-sets.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.errors import Forbidden, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.quota.model import Holding
from synnefo_tx.quota.rows.defaults import CLASS
from synnefo_tx.volume.api.service import body_of
from synnefo_tx.volume.rows import quotas as rows
from synnefo_tx.volume.rules.queries import boolean
from synnefo_tx.volume.rules.quotas import read_limits
from synnefo_tx.volume.views import quotas as views

SETS, CLASSES = "/os-quota-sets/<project_id>", "/os-quota-class-sets/<name>"
SHOW, UPDATE, DELETE = (f"volume_extension:quotas:{name}" for name in ("show", "update", "delete"))
LIMITS = "limits_extension:used_limits"
GET_CLASS = "volume_extension:quota_classes:get"
UPDATE_CLASS = "volume_extension:quota_classes:update"


def add_routes(service: Service) -> None:
    """
    Serve limits and quotas.
    """
    _add_readers(service)
    _add_changes(service)
    _add_classes(service)


def _own(call: Call, project_id: str, policy: str) -> str:
    """
    The project's id, if the caller may know its quotas.
    """
    if project_id != call.token.project_id and not call.token.is_admin:
        raise Forbidden(f"Policy doesn't allow {policy} to be performed.")
    return project_id


def _add_readers(service: Service) -> None:
    database = service.database

    async def held(call: Call, project_id: str, policy: str) -> dict[str, Holding]:
        return await database.read(rows.quotas, _own(call, project_id, policy))

    @service.route("GET", "/limits", LIMITS)
    async def limits(call: Call) -> Reply:
        project_id = call.query("project_id") or call.query("tenant_id") or call.token.project_id
        return json_reply(views.limits(await held(call, project_id, LIMITS)))

    @service.route("GET", SETS, SHOW)
    async def show(call: Call, project_id: str) -> Reply:
        usage = boolean("usage", call.query("usage"), usual=False)
        found = await held(call, project_id, SHOW)
        return json_reply(views.quota_set(found, project_id, usage=usage))

    @service.route("GET", f"{SETS}/defaults", SHOW)
    async def defaults(call: Call, project_id: str) -> Reply:
        found = await database.read(rows.defaults, _own(call, project_id, SHOW))
        return json_reply(views.quota_set(found, project_id, usage=False))


def _add_changes(service: Service) -> None:
    @service.route("PUT", SETS, UPDATE)
    async def update(call: Call, project_id: str) -> Reply:
        asked = read_limits(body_of(call))
        check = not boolean("skip_validation", call.query("skip_validation"), usual=True)
        told = Told(UPDATE, "quota", project_id, {"limits": asked})
        found = await service.write(call, told, rows.set_quotas, project_id, asked, check=check)
        return json_reply(views.quota_set(found, None, usage=False))

    @service.route("DELETE", SETS, DELETE)
    async def delete(call: Call, project_id: str) -> Reply:
        told = Told(DELETE, "quota", project_id)
        await service.write(call, told, rows.forget_quotas, project_id)
        return empty_reply(200)


def _add_classes(service: Service) -> None:
    database = service.database

    @service.route("GET", CLASSES, GET_CLASS)
    async def show(_: Call, name: str) -> Reply:
        found = await database.read(rows.defaults)
        return json_reply(views.quota_class_set(found, name))

    @service.route("PUT", CLASSES, UPDATE_CLASS)
    async def update(call: Call, name: str) -> Reply:
        asked = read_limits(body_of(call), "quota_class_set")
        if name != CLASS:
            raise NotFound(f"Quota class {name} could not be found.")
        told = Told(UPDATE_CLASS, "quota", name, {"limits": asked})
        found = await service.write(call, told, rows.set_defaults, asked)
        return json_reply(views.quota_class_set(found, None))
