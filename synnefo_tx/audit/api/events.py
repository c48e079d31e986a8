"""
The audit log, for administrators: who did what, when and from where.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from synnefo_tx.audit.rows.lists import lines
from synnefo_tx.audit.rules.filters import wanted_lines
from synnefo_tx.audit.views.events import event_view
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context

PATH = "/v3/OS-SYNNEFO-AUDIT/events"
ACTION = "identity:list_audit_events"


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", PATH, ACTION)
    async def index(call: Call) -> Reply:
        query = dict(call.queries())
        found, more = await context.database.read(lines, wanted_lines(query))
        events = [event_view(line) for line in found]
        here = f"{call.base}{PATH}"
        answer: dict[str, Any] = {
            "events": events,
            "links": {"self": f"{here}?{urlencode(query)}" if query else here, "next": None},
        }
        if more:
            following = query | {"marker": events[-1]["id"]}
            answer["links"]["next"] = f"{here}?{urlencode(following)}"
        return json_reply(answer)
