"""
/servers/<id>/remote-consoles, and what actions before 2.6 say of consoles.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of, need_version
from synnefo_tx.compute.errors import InvalidState
from synnefo_tx.compute.rows.consoles import console_at
from synnefo_tx.compute.rules import consoles
from synnefo_tx.errors import BadRequest, Conflict
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service

POLICY = "os-remote-consoles"
_NOT_NOW = ("deleting", "migrating")


def add_routes(service: Service) -> None:
    """
    Serve consoles, from 2.6 on.
    """

    @service.route("POST", "/servers/<server_id>/remote-consoles", POLICY)
    async def create(call: Call, server_id: str) -> Reply:
        need_version(call, (2, 6))
        asked = consoles.remote_schema(call.version).check(body_of(call))["remote_console"]
        if asked["protocol"] == "rdp":
            raise BadRequest("Unavailable console type rdp.")
        url = await url_for(service, call, server_id, asked["type"])
        return json_reply({"remote_console": {**asked, "url": url}})


async def url_for(service: Service, call: Call, server_id: str, kind: str) -> str:
    """
    Where the server's console is, for its user and once.  Raises BadRequest, NotFound or Conflict.
    """
    told = Told(POLICY, "server", server_id, {"type": kind})
    server, console_url = await service.write(call, told, console_at, call.caller, server_id)
    if server.task_state in _NOT_NOW:
        name = f"get_{'vnc' if kind == 'novnc' else kind}_console"
        raise InvalidState(name, server_id, "task_state", server.task_state)
    if server.launched_at is None:
        raise Conflict(f"Instance {server_id} is not ready")
    told_place = await service.cloud.clusters.look(server.cluster_id, server.id, "console")
    return consoles.url_of(kind, console_url, told_place.get("tokens", {}))
