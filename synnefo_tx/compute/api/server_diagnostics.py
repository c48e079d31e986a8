"""
/servers/<id>/diagnostics, for administrators.
"""

from __future__ import annotations

from synnefo_tx.compute.errors import InvalidState
from synnefo_tx.compute.rows import server_lists
from synnefo_tx.compute.rules.states import PAUSED, RUNNING
from synnefo_tx.compute.views import diagnostics as views
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service


def add_routes(service: Service) -> None:
    """
    Serve what guests use.
    """

    @service.route("GET", "/servers/<server_id>/diagnostics", "os-server-diagnostics")
    async def show(call: Call, server_id: str) -> Reply:
        row, ports = await service.database.read(
            server_lists.find_with_ports, call.caller, server_id
        )
        if row.power_state not in (RUNNING, PAUSED):
            raise InvalidState("get_diagnostics", server_id, "power_state", "shutdown")
        told = await service.cloud.clusters.look(row.cluster_id, row.id, "statistics")
        if call.version < (2, 48):
            return json_reply(views.in_libvirts_words(told, row.flavor["vcpus"]))
        macs = [port.mac_address for port in ports]
        return json_reply(views.standardised(row, told, macs, service.now_us()))
