"""
Starting, stopping and rebooting.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always, simple
from synnefo_tx.compute.rows import power
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.reply import Reply, empty_reply

_KINDS = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
_REBOOT = NovaSchema(p.envelope("reboot", {"type": {"type": "string", "enum": _KINDS}}, ("type",)))


async def _reboot(asked: Asked) -> Reply:
    await asked.wish(power.reboot, asked.value["type"].upper() == "HARD")
    return empty_reply(202)


ACTIONS = {
    "os-start": simple("os-start", "servers:start", power.start),
    "os-stop": simple("os-stop", "servers:stop", power.stop),
    "reboot": ActionOf(
        policy="servers:reboot",
        schema=always(_REBOOT),
        answer=_reboot,
        example={"type": "HARD"},
    ),
}
