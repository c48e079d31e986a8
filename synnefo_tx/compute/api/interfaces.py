"""
/servers/<id>/os-interface.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import interfaces as rows
from synnefo_tx.compute.rules import interface_schemas
from synnefo_tx.compute.views.servers import interface
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service

ALL = "/servers/<server_id>/os-interface"
ONE = f"{ALL}/<port_id>"
POLICY = "os-attach-interfaces"


def add_routes(service: Service) -> None:
    """
    Serve servers' interfaces.
    """
    _add_readers(service)
    _add_changes(service)


def _add_readers(service: Service) -> None:
    @service.route("GET", ALL, f"{POLICY}:list")
    async def index(call: Call, server_id: str) -> Reply:
        found = await service.database.read(rows.index, call.caller, server_id)
        shown = [interface(one.port, one.addresses, call.version) for one in found]
        return json_reply({"interfaceAttachments": shown})

    @service.route("GET", ONE, f"{POLICY}:show")
    async def show(call: Call, server_id: str, port_id: str) -> Reply:
        one = await service.database.read(rows.show, call.caller, server_id, port_id)
        return json_reply({"interfaceAttachment": interface(one.port, one.addresses, call.version)})


def _add_changes(service: Service) -> None:
    @service.route("POST", ALL, f"{POLICY}:create")
    async def attach(call: Call, server_id: str) -> Reply:
        wanted = interface_schemas.read(call.version, body_of(call))
        details = {"port": wanted.port_id, "network": wanted.network_id}
        told = Told(f"{POLICY}:create", "server", server_id, details)
        ask = ask_of(service, call, server_id)
        one = await service.wish(call, told, rows.attach, ask, wanted)
        return json_reply({"interfaceAttachment": interface(one.port, one.addresses, call.version)})

    @service.route("DELETE", ONE, f"{POLICY}:delete")
    async def detach(call: Call, server_id: str, port_id: str) -> Reply:
        told = Told(f"{POLICY}:delete", "server", server_id, {"port": port_id})
        ask = ask_of(service, call, server_id)
        await service.wish(call, told, rows.detach, ask, port_id)
        return empty_reply(202)
