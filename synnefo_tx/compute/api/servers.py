"""
/servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.api.service import body_of, look_of
from synnefo_tx.compute.rows import power, server_lists, servers
from synnefo_tx.compute.rows.create_servers import create_servers
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules.create_request import read_request
from synnefo_tx.compute.rules.paging import next_links
from synnefo_tx.compute.rules.parameters import address_or_none
from synnefo_tx.compute.rules.server_queries import ServerQuery, parse
from synnefo_tx.compute.rules.server_schemas import update_schema
from synnefo_tx.compute.views import servers as views
from synnefo_tx.compute.views.links import href
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.rows import attached

_COLUMNS = {  # field of a change -> column
    "name": "name",
    "description": "description",
    "hostname": "hostname",
    "accessIPv4": "access_ipv4",
    "accessIPv6": "access_ipv6",
    "OS-DCF:diskConfig": "disk_config",
}


def add_routes(service: Service) -> None:
    """
    Serve servers, but for their actions.
    """
    database = service.database

    @service.route("GET", "/servers", "servers:index")
    async def index(call: Call) -> Reply:
        query = parse(call.queries(), call.version, call.token.is_admin, "index")
        found = await database.read(server_lists.list_servers, call.caller, query)
        shown = [views.basic(row, look_of(call)) for row in found]
        return _page(call, "servers", shown, query)

    @service.route("GET", "/servers/detail", "servers:detail")
    async def detail(call: Call) -> Reply:
        query = parse(call.queries(), call.version, call.token.is_admin, "detail")
        found, ports = await database.read(server_lists.list_with_ports, call.caller, query)
        look = look_of(call)
        held = await database.read(attached.of_servers, [row.id for row in found])
        shown = [
            views.with_volumes(
                views.full(row, ports.get(row.id, ()), look, alone=False),
                held.get(row.id, ()),
                look,
            )
            for row in found
        ]
        return _page(call, "servers/detail", shown, query)

    @service.route("GET", "/servers/<server_id>", "servers:show")
    async def show(call: Call, server_id: str) -> Reply:
        row, ports = await database.read(server_lists.find_with_ports, call.caller, server_id)
        held = await database.read(attached.of_servers, [server_id])
        view = views.full(row, ports, look_of(call), alone=True)
        shown = views.with_volumes(view, held.get(server_id, ()), look_of(call))
        return json_reply({"server": shown})

    @service.route("POST", "/servers", "servers:create")
    async def create(call: Call) -> Reply:
        request = read_request(body_of(call), call.version)
        caller = call.caller
        told = Told("servers:create", "server", lambda made: ",".join(made.server_ids))
        created = await service.wish(call, told, create_servers, ask_of(service, call), request)
        if request.wants_reservation:
            return json_reply({"reservation_id": created.reservation_id}, 202)
        server_id = created.server_ids[0]
        row = await database.read(find_server, caller, server_id)
        body = views.created(row, look_of(call), request.admin_password)
        return json_reply(body, 202, ("Location", href(call.base, "servers", server_id)))

    @service.route("PUT", "/servers/<server_id>", "servers:update")
    async def update(call: Call, server_id: str) -> Reply:
        asked = update_schema(call.version).check(body_of(call))["server"]
        values = {_COLUMNS[name]: value for name, value in asked.items()}
        for column in ("access_ipv4", "access_ipv6"):
            if column in values:
                values[column] = address_or_none(values[column])
        caller = call.caller
        told = Told("servers:update", "server", server_id, {"changed": sorted(asked)})
        await service.write(call, told, servers.change, caller, server_id, values, service.now_us())
        row, ports = await database.read(server_lists.find_with_ports, caller, server_id)
        return json_reply({"server": views.updated(row, ports, look_of(call))})

    @service.route("DELETE", "/servers/<server_id>", "servers:delete")
    async def delete(call: Call, server_id: str) -> Reply:
        told = Told("servers:delete", "server", server_id)
        await service.wish(call, told, power.delete, ask_of(service, call, server_id))
        return empty_reply(204)


def _page(
    call: Call, collection: str, shown: Sequence[dict[str, Any]], query: ServerQuery
) -> Reply:
    body: dict[str, Any] = {"servers": shown}
    url = f"{call.base}/v2.1/{collection}"
    links = next_links(url, call.queries(), [view["id"] for view in shown], query.limit)
    if links:
        body["servers_links"] = links
    return json_reply(body)
