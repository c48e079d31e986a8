"""
/v3/domains: all for administrators, one for those who work in it.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.faults import AccountNotFound, ActionForbidden
from synnefo_tx.identity.model import Domain
from synnefo_tx.identity.rows.accounts import find_domain
from synnefo_tx.identity.rows.lists import list_domains
from synnefo_tx.identity.views.accounts import domain_view

FILTERS = {"name": "name", "enabled": "enabled"}


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/domains", "identity:list_domains")
    async def domains(call: Call) -> Reply:
        found, more = await context.database.read(list_domains, page_of(call, FILTERS))
        return collection(call, "domains", [domain_view(one, v3(call)) for one in found], more)

    @router.route("GET", "/v3/domains/<domain_id>", "identity:get_domain")
    async def domain(call: Call, domain_id: str) -> Reply:
        if not call.token.is_admin and call.token.project_domain_id != domain_id:
            raise ActionForbidden("identity:get_domain")
        found: Domain | None = await context.database.read(find_domain, domain_id=domain_id)
        if found is None:
            raise AccountNotFound("domain", domain_id)
        return json_reply({"domain": domain_view(found, v3(call))})
