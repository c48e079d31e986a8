"""
/servers/<id>/metadata.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows.server_data import Pairs, delete_item, write_metadata
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules.server_schemas import METADATA, METADATA_ITEM
from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service

BASE = "/servers/<server_id>/metadata"


def add_routes(service: Service) -> None:
    """
    Serve servers' metadata.
    """
    database = service.database

    async def write(call: Call, action: str, server_id: str, pairs: Pairs) -> Pairs:
        told = Told(f"server-metadata:{action}", "server", server_id, {"keys": sorted(pairs)})
        given = (call.caller, server_id, pairs, action == "update_all", service.now_us())
        return await service.write(call, told, write_metadata, *given)

    @service.route("GET", BASE, "server-metadata:index")
    async def index(call: Call, server_id: str) -> Reply:
        server = await database.read(find_server, call.caller, server_id)
        return json_reply({"metadata": server.metadata})

    @service.route("POST", BASE, "server-metadata:create")
    async def create(call: Call, server_id: str) -> Reply:
        pairs = METADATA.check(body_of(call))["metadata"]
        return json_reply({"metadata": await write(call, "create", server_id, pairs)})

    @service.route("PUT", BASE, "server-metadata:update_all")
    async def update_all(call: Call, server_id: str) -> Reply:
        pairs = METADATA.check(body_of(call))["metadata"]
        return json_reply({"metadata": await write(call, "update_all", server_id, pairs)})

    @service.route("GET", f"{BASE}/<key>", "server-metadata:show")
    async def show(call: Call, server_id: str, key: str) -> Reply:
        server = await database.read(find_server, call.caller, server_id)
        if key not in server.metadata:
            raise NotFound("Metadata item was not found")
        return json_reply({"meta": {key: server.metadata[key]}})

    @service.route("PUT", f"{BASE}/<key>", "server-metadata:update")
    async def update(call: Call, server_id: str, key: str) -> Reply:
        item = METADATA_ITEM.check(body_of(call))["meta"]
        if key not in item:
            raise BadRequest("Request body and URI mismatch")
        await write(call, "update", server_id, item)
        return json_reply({"meta": item})

    @service.route("DELETE", f"{BASE}/<key>", "server-metadata:delete")
    async def delete(call: Call, server_id: str, key: str) -> Reply:
        told = Told("server-metadata:delete", "server", server_id, {"keys": [key]})
        await service.write(call, told, delete_item, call.caller, server_id, key, service.now_us())
        return empty_reply(204)
