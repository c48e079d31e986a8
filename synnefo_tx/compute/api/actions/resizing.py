"""
Resizing, and whether it stays.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always, bare, simple
from synnefo_tx.compute.rows import resizing
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.reply import Reply, empty_reply

_RESIZE = NovaSchema(
    p.envelope(
        "resize", {"flavorRef": p.FLAVOR, "OS-DCF:diskConfig": p.DISK_CONFIG}, ("flavorRef",)
    )
)


async def _resize(asked: Asked) -> Reply:
    flavor_id = str(asked.value["flavorRef"]).rsplit("/", 1)[-1]
    await asked.wish(resizing.resize, flavor_id, asked.value.get("OS-DCF:diskConfig"))
    return empty_reply(202)


async def _confirm(asked: Asked) -> Reply:
    await asked.wish(resizing.confirm)
    return empty_reply(204)


ACTIONS = {
    "resize": ActionOf(
        policy="servers:resize",
        schema=always(_RESIZE),
        answer=_resize,
        example={"flavorRef": "1"},
    ),
    "confirmResize": ActionOf(
        policy="servers:confirm_resize", schema=bare("confirmResize"), answer=_confirm
    ),
    "revertResize": simple("revertResize", "servers:revert_resize", resizing.revert),
}
