"""
Security groups and their rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Handler, Router
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.api.resource import Json, Resource, serve
from synnefo_tx.network.api.service import mount
from synnefo_tx.network.api.tags import serve_tags
from synnefo_tx.network.rows import group_kinds, security_groups, security_rules, tags
from synnefo_tx.network.rules import security_groups as rules
from synnefo_tx.network.views import security_groups as views


def _see_groups(connection: Connection, rows: Sequence[Any], _: Caller) -> list[Json]:
    ids = [row.id for row in rows]
    ruled = security_groups.rules_of(connection, ids)
    tagged = tags.of_things(connection, "security_groups", ids)
    return [views.group(row, ruled.get(row.id, ()), tagged.get(row.id, ())) for row in rows]


def _see_rules(_: Connection, rows: Sequence[Any], __: Caller) -> list[Json]:
    return [views.rule(row) for row in rows]


GROUP = Resource(
    "security_group",
    group_kinds.GROUPS,
    rules.GROUP,
    _see_groups,
    security_groups.create,
    security_groups.change,
    security_groups.remove,
)
RULE = Resource(
    "security_group_rule",
    group_kinds.RULES,
    rules.RULE,
    _see_rules,
    security_rules.create,
    security_rules.change,
    security_rules.remove,
)


def add_routes(service: Service) -> None:
    """
    Serve them.
    """

    def mounted(
        router: Router, method: str, path: str, permission: str, handler: Handler
    ) -> Handler:
        if method == "GET" and path.endswith(GROUP.path):
            handler = _with_default(service, handler)
        return mount(router, method, path, permission, handler)

    serve(evolve(service, mount=mounted), GROUP)
    serve(service, RULE)
    serve_tags(service, GROUP)


def _with_default(service: Service, handler: Handler) -> Handler:
    """
    Who looks which groups there are finds the default one of the project.
    """

    async def looking(call: Call, **parts: str) -> Reply:
        project_id = call.caller.project_id
        if project_id:
            found = await service.database.read(security_groups.find_default, project_id)
            if found is None:
                told = Told("create_security_group", "security_group", str, {"name": "default"})
                args = project_id, service.now_us()
                await service.write(call, told, security_groups.ensure_default, *args)
        return await handler(call, **parts)

    return looking
