"""
Consoles, as they were asked for before 2.6.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always
from synnefo_tx.compute.api.consoles import POLICY, url_for
from synnefo_tx.compute.rules.consoles import of_kind
from synnefo_tx.http.reply import Reply, json_reply

UNTIL = (2, 5)


async def _console(asked: Asked) -> Reply:
    kind = asked.value["type"]
    url = await url_for(asked.service, asked.call, asked.server_id, kind)
    return json_reply({"console": {"type": kind, "url": url}})


def _of(name: str, *kinds: str) -> ActionOf:
    return ActionOf(
        policy=POLICY,
        schema=always(of_kind(name, *kinds)),
        answer=_console,
        until=UNTIL,
        example={"type": kinds[0]},
    )


ACTIONS = {
    "os-getVNCConsole": _of("os-getVNCConsole", "novnc", "xvpvnc"),
    "os-getSPICEConsole": _of("os-getSPICEConsole", "spice-html5"),
    "os-getSerialConsole": _of("os-getSerialConsole", "serial"),
}
