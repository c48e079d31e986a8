"""
/v3/OS-REVOKE/events: what ended tokens that would still be good.
"""

from __future__ import annotations

from datetime import UTC, datetime

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.rows import revocations
from synnefo_tx.identity.views.revoke_events import revoke_event_view


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/OS-REVOKE/events", "identity:list_revoke_events")
    async def index(call: Call) -> Reply:
        since = _since(call)
        news = await context.database.read(revocations.news, 0, 0, int(context.clock()))
        events = [revoke_event_view(one) for one in news.revocations if one.issued_before >= since]
        links = {"next": None, "self": f"{v3(call)}/OS-REVOKE/events", "previous": None}
        return json_reply({"events": events, "links": links})


def _since(call: Call) -> float:
    """
    Seconds since the epoch.  Raises BadRequest.
    """
    text = call.query("since")
    if not text:
        return 0.0
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"invalid date format {text}") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
