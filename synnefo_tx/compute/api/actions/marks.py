"""
Locks, and states set by hand.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always, bare, simple
from synnefo_tx.compute.rows import server_marks
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply

_REASON = {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}}
_LOCK = NovaSchema(p.envelope("lock", _REASON, or_null=True))
_RESET = NovaSchema(
    p.envelope(
        "os-resetState", {"state": {"type": "string", "enum": ["active", "error"]}}, ("state",)
    )
)


def _lock_schema(version: Version) -> NovaSchema:
    return _LOCK if version >= (2, 73) else bare("lock")(version)


async def _lock(asked: Asked) -> Reply:
    reason = None
    if asked.call.version >= (2, 73) and asked.value is not None:
        reason = asked.value.get("locked_reason")
    await asked.wish(server_marks.lock, reason)
    return empty_reply(202)


async def _reset(asked: Asked) -> Reply:
    await asked.wish(server_marks.reset_state, asked.value["state"])
    return empty_reply(202)


ACTIONS = {
    "lock": ActionOf(policy="os-lock-server:lock", schema=_lock_schema, answer=_lock),
    "unlock": simple("unlock", "os-lock-server:unlock", server_marks.unlock),
    "injectNetworkInfo": simple(
        "injectNetworkInfo",
        "os-admin-actions:inject_network_info",
        server_marks.inject_network_info,
    ),
    "os-resetState": ActionOf(
        policy="os-admin-actions:reset_state", schema=always(_RESET), answer=_reset
    ),
}
