"""
/flavors.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of, need_version
from synnefo_tx.compute.rows import flavors as rows
from synnefo_tx.compute.rules.flavor_bodies import UPDATE
from synnefo_tx.compute.rules.flavor_queries import CREATE, CREATE_255, flavor_query
from synnefo_tx.compute.rules.paging import next_links
from synnefo_tx.compute.rules.parameters import is_true
from synnefo_tx.compute.views import flavors as views
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service


def add_routes(service: Service) -> None:
    """
    Serve flavors.
    """
    database = service.database

    async def page(call: Call, collection: str, view: Any) -> Reply:
        pairs = call.queries()
        query = flavor_query(pairs, call.version, call.token.is_admin)
        found = await database.read(rows.list_flavors, query, call.token.project_id)
        body: dict[str, Any] = {"flavors": [view(row, call.base, call.version) for row in found]}
        url = f"{call.base}/v2.1/{collection}"
        links = next_links(url, pairs, [row.id for row in found], query.limit)
        if links:
            body["flavors_links"] = links
        return json_reply(body)

    @service.route("GET", "/flavors", "flavors")
    async def index(call: Call) -> Reply:
        return await page(call, "flavors", views.basic)

    @service.route("GET", "/flavors/detail", "flavors")
    async def detail(call: Call) -> Reply:
        return await page(call, "flavors/detail", views.full)

    @service.route("GET", "/flavors/<flavor_id>", "flavors")
    async def show(call: Call, flavor_id: str) -> Reply:
        row = await database.read(rows.usable_flavor, flavor_id, call.caller)
        return json_reply({"flavor": views.full(row, call.base, call.version)})

    _add_changes(service)


def _add_changes(service: Service) -> None:
    @service.route("POST", "/flavors", "os-flavor-manage:create")
    async def create(call: Call) -> Reply:
        schema = CREATE_255 if call.version >= (2, 55) else CREATE
        asked = schema.check(body_of(call))["flavor"]
        flavor_id = _new_id(asked)
        await service.write(
            call,
            Told("os-flavor-manage:create", "flavor", flavor_id, asked),
            rows.create_flavor,
            flavor_id,
            asked["name"],
            int(asked["vcpus"]),
            int(asked["ram"]),
            int(asked["disk"]),
            is_public=is_true(asked.get("os-flavor-access:is_public", True)),
            description=asked.get("description"),
            swap_mib=int(asked.get("swap", 0)),
            ephemeral_gib=int(asked.get("OS-FLV-EXT-DATA:ephemeral", 0)),
            rxtx_factor=float(asked.get("rxtx_factor", 1)),
        )
        row = await service.database.read(rows.find_any, flavor_id)
        return json_reply({"flavor": views.full(row, call.base, call.version)})

    @service.route("PUT", "/flavors/<flavor_id>", "os-flavor-manage:update")
    async def update(call: Call, flavor_id: str) -> Reply:
        need_version(call, (2, 55))
        asked = UPDATE.check(body_of(call))["flavor"]
        told = Told("os-flavor-manage:update", "flavor", flavor_id, asked)
        row = await service.write(call, told, rows.set_description, flavor_id, asked["description"])
        return json_reply({"flavor": views.full(row, call.base, call.version)})

    @service.route("DELETE", "/flavors/<flavor_id>", "os-flavor-manage:delete")
    async def delete(call: Call, flavor_id: str) -> Reply:
        told = Told("os-flavor-manage:delete", "flavor", flavor_id)
        await service.write(call, told, rows.delete_flavor, flavor_id)
        return empty_reply(202)


def _new_id(asked: dict[str, Any]) -> str:
    wanted = str(asked.get("id") or "auto")
    if wanted == "auto":
        return str(uuid.uuid4())
    if not re.fullmatch(r"[\w.\- ]*[\w.\-]", wanted) or wanted != wanted.strip():
        raise BadRequest(
            "id can only contain letters from A-Z (both cases), periods, dashes, underscores and "
            "spaces."
        )
    return wanted
