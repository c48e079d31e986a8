"""
/quotas.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.audit.entry import Entry
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.network.api.resources import read_body
from synnefo_tx.network.errors import PolicyNotAuthorized
from synnefo_tx.network.rows import quotas as rows
from synnefo_tx.network.rules.quotas import read_limits
from synnefo_tx.network.views import quotas as views
from synnefo_tx.quota.rows.audited import audited
from synnefo_tx.store.database import Database

ALL, ONE = "/v2.0/quotas", "/v2.0/quotas/<project_id>"


def add_routes(router: Router, database: Database, clock: Callable[[], float]) -> None:
    """
    Serve quotas.  clock: seconds since the epoch.
    """
    _add_readers(router, database)
    _add_changes(router, database, clock)


def _own(call: Call, project_id: str) -> str:
    """
    The project's id, if the caller may read its quota.
    """
    project_id = project_id.removesuffix(".json")
    if project_id != call.token.project_id and not call.token.is_admin:
        raise PolicyNotAuthorized("get_quota")
    return project_id


def _add_readers(router: Router, database: Database) -> None:
    async def index(call: Call) -> Reply:
        if not call.token.is_admin:
            raise PolicyNotAuthorized("get_quota")
        return json_reply(views.listed(await database.read(rows.all_quotas)))

    async def show(call: Call, project_id: str) -> Reply:
        return json_reply(views.limits(await database.read(rows.usages, _own(call, project_id))))

    async def details(call: Call, project_id: str) -> Reply:
        return json_reply(views.details(await database.read(rows.usages, _own(call, project_id))))

    async def defaults(call: Call, project_id: str) -> Reply:
        return json_reply(views.limits(await database.read(rows.defaults, _own(call, project_id))))

    async def own_project(call: Call) -> Reply:
        return json_reply({"project": {"project_id": call.token.project_id}})

    async def own_tenant(call: Call) -> Reply:
        return json_reply({"tenant": {"tenant_id": call.token.project_id}})

    router.route("GET", ONE, "network:get_quota")(show)
    for suffix in ("", ".json"):
        for path, handler in (
            (ALL, index),
            (f"{ALL}/project", own_project),
            (f"{ALL}/tenant", own_tenant),
            (f"{ONE}/default", defaults),
            (f"{ONE}/details", details),
        ):
            router.route("GET", path + suffix, "network:get_quota")(handler)


def _add_changes(router: Router, database: Database, clock: Callable[[], float]) -> None:
    def entry(call: Call, action: str, project_id: str, **details: object) -> Entry:
        return entry_of(call, f"network:{action}", "quota", project_id, details)

    def now_us() -> int:
        return int(clock() * 1e6)

    async def update(call: Call, project_id: str) -> Reply:
        project_id = project_id.removesuffix(".json")
        asked = read_limits(read_body(call))
        line = entry(call, "update_quota", project_id, limits=asked.limits)
        found = await database.write(audited, line, now_us(), rows.set_quotas, project_id, asked)
        return json_reply(views.limits(found))

    async def delete(call: Call, project_id: str) -> Reply:
        project_id = project_id.removesuffix(".json")
        line = entry(call, "delete_quota", project_id)
        await database.write(audited, line, now_us(), rows.forget_quotas, project_id)
        return empty_reply()

    router.route("PUT", ONE, "network:update_quota")(update)
    router.route("DELETE", ONE, "network:delete_quota")(delete)
