"""
/v3/domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import Resource, add_writing, own_domain_only, permitted
from synnefo_tx.identity.api.schemas import (
    BOOLEAN,
    DESCRIPTION,
    ID,
    PROJECT_NAME,
    TAGS,
    body_schema,
)
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import domains, tagged
from synnefo_tx.identity.rows.kinds import DOMAIN
from synnefo_tx.identity.rows.project_tags import list_tagged, with_tags
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import domain_view

_FIELDS = {
    "name": PROJECT_NAME,
    "description": DESCRIPTION,
    "enabled": BOOLEAN,
    "tags": TAGS,
    "options": {"type": "object"},
}


async def _complete(_call: Call, _context: Context, thing: Thing) -> Thing:
    given = {"enabled": True, "options": {}, "tags": []} | thing
    explicit = given.pop("explicit_domain_id", None)
    if explicit is not None:
        given["id"] = explicit
    return given | {"description": given.get("description") or ""}


def _target(thing: Mapping[str, Any]) -> Target:
    return Target(domain_id=thing["id"])


async def _prepare(_call: Call, _context: Context, before: Thing, changes: Thing) -> Thing:
    if changes.get("id", before["id"]) != before["id"]:
        raise BadRequest("Cannot change the ID of a domain.")
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    return changes


DOMAINS = Resource(
    kind=DOMAIN,
    create=Body(
        body_schema(_FIELDS | {"explicit_domain_id": ID}, required=("name",)), keystone_wording
    ),
    update=Body(body_schema(_FIELDS, at_least_one=True), keystone_wording),
    filters={"name": "name", "enabled": "enabled"},
    view=domain_view,
    target=_target,
    complete=_complete,
    prepare=_prepare,
    creating=tagged.create_tagged,
    changing=tagged.change_tagged,
    removing=domains.remove_domain,
)


def add_routes(router: Router, context: Context) -> None:
    add_writing(router, context, DOMAINS)

    @router.route("GET", "/v3/domains", "identity:list_domains")
    async def index(call: Call) -> Reply:
        page = own_domain_only(call, DOMAIN, page_of(call, DOMAINS.filters))
        found, more = await context.database.read(list_tagged, DOMAIN, page)
        return collection(call, "domains", [domain_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/domains/<domain_id>", "identity:get_domain")
    async def show(call: Call, domain_id: str) -> Reply:
        found = await permitted(context, call, DOMAINS, "get", domain_id)
        [tagged] = await context.database.read(with_tags, [found])
        return json_reply({"domain": domain_view(tagged, v3(call))})
