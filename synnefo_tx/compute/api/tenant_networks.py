"""
/os-tenant-networks, until 2.35: networks as Nova once told them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows import networks

UNTIL = (2, 35)
ALL = "/os-tenant-networks"
Json = dict[str, Any]


def add_routes(service: Service) -> None:
    """
    Serve the reading half; the other one is Neutron's.
    """

    @service.route("GET", ALL, "os-tenant-networks:list")
    async def index(call: Call) -> Reply:
        _check(call)
        found = await service.database.read(_listed, call.caller)
        return json_reply({"networks": found})

    @service.route("GET", f"{ALL}/<network_id>", "os-tenant-networks:show")
    async def show(call: Call, network_id: str) -> Reply:
        _check(call)
        found = await service.database.read(_shown, call.caller, network_id)
        return json_reply({"network": found})


def _check(call: Call) -> None:
    if call.version > UNTIL:
        raise NotFound("The resource could not be found.")


def _listed(connection: Connection, caller: Caller) -> list[Json]:
    return [_view(row) for row in networks.usable(connection, caller.project_id)]


def _shown(connection: Connection, caller: Caller, network_id: str) -> Json:
    row = networks.find(connection, network_id, caller.project_id, caller.is_admin)
    if row is None:
        raise NotFound("Network not found")
    return _view(row)


def _view(row: Any) -> Json:
    """
    The addresses are never told here, in just these words.
    """
    return {"id": row.id, "cidr": "None", "label": row.name}
