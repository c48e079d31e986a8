"""
/servers/<id>/action.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.api.action import Asked
from synnefo_tx.compute.api.actions import ACTIONS
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.service import Service

PATH = "/servers/<server_id>/action"


def add_routes(service: Service) -> None:
    """
    Serve what can be asked of a server.
    """
    for name, action in ACTIONS.items():
        service.way("POST", PATH, action.policy, {name: action.example})

    @service.route("POST", PATH, "servers:action")
    async def act(call: Call, server_id: str) -> Reply:
        name, body = read_action(body_of(call))
        action = ACTIONS.get(name)
        if action is None or not action.is_of(call.version):
            raise BadRequest(f"There is no such action: {name}")
        service.enforce(call, action.policy)
        value = action.schema(call.version).check(body)[name]
        return await action.answer(Asked(service, call, server_id, action.policy, value))


def read_action(body: object) -> tuple[str, dict[str, Any]]:
    """
    The one action that a body names.  Raises BadRequest.
    """
    if not isinstance(body, dict) or not body:
        raise BadRequest("Malformed request body")
    if len(body) > 1:
        raise BadRequest("Malformed request body: too many body keys")
    return next(iter(body)), body
