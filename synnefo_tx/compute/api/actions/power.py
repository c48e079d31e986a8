"""
Starting, stopping, rebooting, deleting, and what a guest is told.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always, bare, simple
from synnefo_tx.compute.rows import power
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules import states
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.reply import Reply, empty_reply

_KINDS = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
_PASSWORD = NovaSchema(
    p.envelope("changePassword", {"adminPass": {"type": "string"}}, ("adminPass",))
)
_CRASH_DUMP = NovaSchema(
    {
        "type": "object",
        "properties": {"trigger_crash_dump": {"type": "null"}},
        "required": ["trigger_crash_dump"],
        "additionalProperties": False,
    }
)
_REBOOT = NovaSchema(p.envelope("reboot", {"type": {"type": "string", "enum": _KINDS}}, ("type",)))


async def _reboot(asked: Asked) -> Reply:
    await asked.wish(power.reboot, asked.value["type"].upper() == "HARD")
    return empty_reply(202)


async def _change_password(asked: Asked) -> Reply:
    await asked.wish(power.change_password, asked.value["adminPass"])
    return empty_reply(202)


async def _force_delete(asked: Asked) -> Reply:
    await asked.wish(power.delete, states.FORCE_DELETE)
    return empty_reply(202)


async def _crash_dump(asked: Asked) -> Reply:
    await asked.wish(power.crash_dump)
    return empty_reply(202)


ACTIONS = {
    "os-start": simple("os-start", "servers:start", power.start),
    "os-stop": simple("os-stop", "servers:stop", power.stop),
    "forceDelete": ActionOf(
        policy="os-deferred-delete:force", schema=bare("forceDelete"), answer=_force_delete
    ),
    "restore": simple("restore", "os-deferred-delete:restore", power.restore),
    "changePassword": ActionOf(
        policy="os-admin-password",
        schema=always(_PASSWORD),
        answer=_change_password,
        example={"adminPass": "p"},
    ),
    "trigger_crash_dump": ActionOf(
        policy="servers:trigger_crash_dump",
        schema=always(_CRASH_DUMP),
        answer=_crash_dump,
        since=(2, 17),
    ),
    "reboot": ActionOf(
        policy="servers:reboot",
        schema=always(_REBOOT),
        answer=_reboot,
        example={"type": "HARD"},
    ),
}
