"""
addSecurityGroup and removeSecurityGroup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synnefo_tx.compute.api.action import ActionOf, Asked, always
from synnefo_tx.compute.rows import port_security
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.reply import Reply, empty_reply


def _action(name: str, policy: str, unit: Callable[..., Any]) -> ActionOf:
    async def answer(asked: Asked) -> Reply:
        await asked.wish(unit, asked.value["name"])
        return empty_reply(202)

    named = {"name": {"type": "string", "minLength": 1, "maxLength": 255}}
    schema = NovaSchema(p.envelope(name, named, ("name",)))
    return ActionOf(
        policy=policy, schema=always(schema), answer=answer, example={"name": "default"}
    )


ACTIONS = {
    "addSecurityGroup": _action("addSecurityGroup", "os-security-groups:add", port_security.add),
    "removeSecurityGroup": _action(
        "removeSecurityGroup", "os-security-groups:remove", port_security.remove
    ),
}
