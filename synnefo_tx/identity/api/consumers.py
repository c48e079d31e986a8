"""
/v3/OS-OAUTH1/consumers: kept for clients that manage them; nobody logs in with them here.
"""

from __future__ import annotations

import secrets

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.resource import Resource, add_resource, anywhere
from synnefo_tx.identity.api.schemas import DESCRIPTION, body_schema
from synnefo_tx.identity.rows.kinds import CONSUMER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.attachments import consumer_view, new_consumer_view

_FIELDS = {"description": DESCRIPTION}


async def _complete(_call: Call, _context: Context, thing: Thing) -> Thing:
    return {"description": None} | thing | {"secret": secrets.token_hex(16)}


async def _prepare(_call: Call, _context: Context, _before: Thing, changes: Thing) -> Thing:
    if "secret" in changes:
        raise BadRequest("Cannot change consumer secret.")
    return changes


CONSUMERS = Resource(
    kind=CONSUMER,
    create=Body(body_schema(_FIELDS), keystone_wording),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={},
    view=consumer_view,
    new_view=new_consumer_view,
    target=anywhere,
    complete=_complete,
    prepare=_prepare,
    path="/v3/OS-OAUTH1/consumers",
)


def add_routes(router: Router, context: Context) -> None:
    add_resource(router, context, CONSUMERS)
