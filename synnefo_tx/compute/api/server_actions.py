"""
/servers/<id>/action and /servers/<id>/remote-consoles.
"""

from __future__ import annotations

import re
from typing import Any

from synnefo_tx.compute.api.service import Service, body_of, need_version
from synnefo_tx.compute.rows import servers
from synnefo_tx.compute.rules import states
from synnefo_tx.compute.rules.server_schemas import ACTIONS, REMOTE_CONSOLE
from synnefo_tx.errors import BadRequest, Conflict
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply

_POWER = {"os-start": states.START, "os-stop": states.STOP}
# What Nova, too, takes out of a log so that it can be shown.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")


def add_routes(service: Service) -> None:
    """
    Serve what can be asked of a server.
    """

    @service.route("POST", "/servers/<server_id>/action", "servers:action")
    async def act(call: Call, server_id: str) -> Reply:
        name, body = read_action(body_of(call))
        if name == "os-getConsoleOutput":
            return await _console_output(service, call, server_id, body)
        action = _POWER.get(name)
        if name == "reboot":
            kind = ACTIONS["reboot"].check(body)["reboot"]["type"].upper()
            action = states.REBOOT_HARD if kind == "HARD" else states.REBOOT_SOFT
        if action is None:
            raise BadRequest(f"There is no such action: {name}")
        await service.database.write(servers.act, call.caller, server_id, action, service.now_us())
        service.cloud.kick()
        return empty_reply(202)

    @service.route("POST", "/servers/<server_id>/remote-consoles", "os-remote-consoles")
    async def remote_console(call: Call, server_id: str) -> Reply:
        need_version(call, (2, 6))
        asked = REMOTE_CONSOLE.check(body_of(call))["remote_console"]
        await service.database.read(servers.find_server, call.caller, server_id)
        raise BadRequest(f"Unavailable console type {asked['type']}.")


def read_action(body: object) -> tuple[str, dict[str, Any]]:
    """
    The one action that a body names.  Raises BadRequest.
    """
    if not isinstance(body, dict) or not body:
        raise BadRequest("Malformed request body")
    if len(body) > 1:
        raise BadRequest("Malformed request body: too many body keys")
    return next(iter(body)), body


async def _console_output(
    service: Service, call: Call, server_id: str, body: dict[str, Any]
) -> Reply:
    asked = ACTIONS["os-getConsoleOutput"].check(body)["os-getConsoleOutput"].get("length")
    server = await service.database.read(servers.find_server, call.caller, server_id)
    if server.launched_at is None:
        raise Conflict(f"Instance {server_id} is not ready")
    lines = None if asked is None else int(asked)
    if lines == -1:
        lines = None
    text = await service.cloud.clusters.console_log(server.cluster_id, server.id, lines)
    return json_reply({"output": _CONTROLS.sub("", text)})
