"""
``GET /events``: what happens in the token's project, as server-sent events.

``kind``: only such, several separated by commas.  Last-Event-ID, or ``after``: go on behind that
event.  An event ``reset`` says that some are gone for good: read everything again.  The stream ends
when the token does.
"""

from __future__ import annotations

from attrs import evolve

from synnefo_tx.errors import Unavailable
from synnefo_tx.events.api.webhooks import add_webhooks, project_of
from synnefo_tx.events.hub import Hub
from synnefo_tx.events.permissions import PERMISSIONS
from synnefo_tx.events.place import place_of
from synnefo_tx.events.streams import Wanted, stream
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.dialects import NOVA
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.permissions import Permissions
from synnefo_tx.identity.secret_box import SecretBox


def events_router(cloud: Cloud, hub: Hub, box: SecretBox) -> Router:
    """
    The router to mount at /events.
    """
    router = Router(
        prefix="events",
        dialect=evolve(NOVA, name="events"),
        authenticate=cloud.authenticate,
        permitted=Permissions(PERMISSIONS),
        public_url=cloud.public_url,
    )

    @router.route("GET", "/", "events:follow")
    async def follow(call: Call) -> Reply:
        wanted = _wanted(call)
        if not hub.has_room(wanted.project_id):
            raise Unavailable("Too many clients follow events.")
        text = call.header("x-auth-token")
        return Reply(
            content_type="text/event-stream",
            headers=(("Cache-Control", "no-store"),),
            stream=stream(cloud, hub, wanted, lambda: cloud.authenticate(text)),
        )

    add_webhooks(router, cloud, box)
    return router


def _wanted(call: Call) -> Wanted:
    kinds = frozenset(filter(None, (call.query("kind") or "").split(",")))
    text = call.header("last-event-id") or call.query("after")
    return Wanted(project_of(call), kinds, place_of(text) if text else None)
