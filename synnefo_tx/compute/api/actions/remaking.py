"""
Rebuilding and rescuing.
"""

from __future__ import annotations

from synnefo_tx.compute.api.action import ActionOf, Asked, always, simple
from synnefo_tx.compute.api.service import look_of
from synnefo_tx.compute.rows import rebuilding, rescuing, server_lists
from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.create_request import random_password
from synnefo_tx.compute.rules.rebuild_request import read_rebuild, rebuild_schema
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.compute.views import servers as views
from synnefo_tx.compute.views.links import href
from synnefo_tx.http.reply import Reply, json_reply

_RESCUE = NovaSchema(
    p.envelope(
        "rescue", {"adminPass": {"type": "string"}, "rescue_image_ref": p.UUID}, or_null=True
    )
)


async def _rebuild(asked: Asked) -> Reply:
    request = read_rebuild(asked.value)
    await asked.wish(rebuilding.rebuild, request)
    call = asked.call
    row, ports = await asked.service.database.read(
        server_lists.find_with_ports, call.caller, asked.server_id
    )
    view = views.rebuilt(row, ports, look_of(call), request.admin_password)
    place = href(call.base, "servers", asked.server_id)
    return json_reply({"server": view}, 202, ("Location", place))


async def _rescue(asked: Asked) -> Reply:
    wanted = asked.value or {}
    password = wanted.get("adminPass") or random_password()
    await asked.wish(rescuing.rescue, wanted.get("rescue_image_ref"), password)
    return json_reply({"adminPass": password})


_AN_IMAGE = "11111111-1111-4111-8111-111111111111"
ACTIONS = {
    "rebuild": ActionOf(
        policy="servers:rebuild",
        schema=rebuild_schema,
        answer=_rebuild,
        example={"imageRef": _AN_IMAGE},
    ),
    "rescue": ActionOf(policy="os-rescue", schema=always(_RESCUE), answer=_rescue),
    "unrescue": simple("unrescue", "os-unrescue", rescuing.unrescue),
}
