"""
/servers/<id>/ips: the addresses of a server.
"""

from __future__ import annotations

from synnefo_tx.compute.rows.server_lists import find_with_ports
from synnefo_tx.compute.views.servers import addresses
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service


def add_routes(service: Service) -> None:
    """
    Serve servers' addresses.
    """
    database = service.database

    @service.route("GET", "/servers/<server_id>/ips", "ips:index")
    async def all_addresses(call: Call, server_id: str) -> Reply:
        _, ports = await database.read(find_with_ports, call.caller, server_id)
        return json_reply({"addresses": addresses(ports, extended=False)})

    @service.route("GET", "/servers/<server_id>/ips/<network>", "ips:show")
    async def addresses_in(call: Call, server_id: str, network: str) -> Reply:
        _, ports = await database.read(find_with_ports, call.caller, server_id)
        found = addresses(ports, extended=False)
        if network not in found:
            raise NotFound("Instance is not a member of specified network")
        return json_reply({network: found[network]})
