"""
/servers/<id>/os-instance-actions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules.action_queries import ActionQuery, action_query
from synnefo_tx.compute.rules.paging import next_links
from synnefo_tx.compute.views import instance_actions as views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller

BASE = "/servers/<server_id>/os-instance-actions"


def add_routes(service: Service) -> None:
    """
    Serve what was done to servers; from 2.21 on to deleted ones, too.
    """

    @service.route("GET", BASE, "os-instance-actions:list")
    async def index(call: Call, server_id: str) -> Reply:
        query = action_query(call.queries(), call.version)
        found = await service.database.read(
            _listed, call.caller, server_id, query, call.version >= (2, 21)
        )
        body: dict[str, Any] = {
            "instanceActions": [views.listed(action, call.version) for action in found]
        }
        if query.limit is not None:
            url = f"{call.base}/v2.1/servers/{server_id}/os-instance-actions"
            ids = [action.request_id for action in found]
            links = next_links(url, call.queries(), ids, query.limit)
            if links:
                body["links"] = links
        return json_reply(body)

    @service.route("GET", f"{BASE}/<request_id>", "os-instance-actions:show")
    async def show(call: Call, server_id: str, request_id: str) -> Reply:
        action, events = await service.database.read(
            _found, call.caller, server_id, request_id, call.version >= (2, 21)
        )
        view = views.shown(action, events, call.version, call.token.is_admin)
        return json_reply({"instanceAction": view})


def _listed(
    connection: Connection, caller: Caller, server_id: str, query: ActionQuery, deleted: bool
) -> list[Any]:
    find_server(connection, caller, server_id, deleted=deleted)
    return actions_log.list_actions(
        connection, server_id, query.limit, query.marker, query.since_us, query.before_us
    )


def _found(
    connection: Connection, caller: Caller, server_id: str, request_id: str, deleted: bool
) -> tuple[Any, list[Any]]:
    find_server(connection, caller, server_id, deleted=deleted)
    return actions_log.find_action(connection, server_id, request_id)
