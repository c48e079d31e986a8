"""
What a guest has written to its console.
"""

from __future__ import annotations

import re

from synnefo_tx.compute.api.action import ActionOf, Asked, always
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.errors import Conflict
from synnefo_tx.http.reply import Reply, json_reply

# What Nova, too, takes out of a log so that it can be shown.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")
_LENGTH = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1}
_OUTPUT = NovaSchema(p.envelope("os-getConsoleOutput", {"length": _LENGTH}))


async def _output(asked: Asked) -> Reply:
    cloud = asked.service.cloud
    length = asked.value.get("length")
    server = await cloud.database.read(find_server, asked.call.caller, asked.server_id)
    if server.launched_at is None:
        raise Conflict(f"Instance {server.id} is not ready")
    lines = None if length is None or int(length) == -1 else int(length)
    text = await cloud.clusters.console_log(server.cluster_id, server.id, lines)
    return json_reply({"output": _CONTROLS.sub("", text)})


ACTIONS = {
    "os-getConsoleOutput": ActionOf(
        policy="os-console-output", schema=always(_OUTPUT), answer=_output, example={}
    ),
}
