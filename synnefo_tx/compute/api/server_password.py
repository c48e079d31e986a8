"""
/servers/<id>/os-server-password: what a guest has sealed for its owner's key pair.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.rows import servers
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service

PATH = "/servers/<server_id>/os-server-password"


def add_routes(service: Service) -> None:
    """
    Serve and forget passwords.
    """

    @service.route("GET", PATH, "os-server-password:show")
    async def show(call: Call, server_id: str) -> Reply:
        server = await service.database.read(servers.find_server, call.caller, server_id)
        return json_reply({"password": server.password or ""})

    @service.route("DELETE", PATH, "os-server-password:clear")
    async def clear(call: Call, server_id: str) -> Reply:
        told = Told("os-server-password:clear", "server", server_id)
        values = {"password": None}
        await service.write(
            call, told, servers.change, call.caller, server_id, values, service.now_us()
        )
        return empty_reply(204)
