"""
/v3/roles/<id>/implies and /v3/role_inferences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, v3
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rows import roles, things
from synnefo_tx.identity.rows.kinds import ROLE
from synnefo_tx.identity.rows.things import Thing

PATH = "/v3/roles/<prior_id>/implies"


def add_routes(router: Router, context: Context) -> None:
    _add_pairs(router, context)

    @router.route("GET", PATH, "identity:list_implied_roles")
    async def implied_by(call: Call, prior_id: str) -> Reply:
        pairs = await context.database.read(roles.inferences, prior_id)
        prior = await context.database.read(things.fetch, ROLE, prior_id)
        here = f"{v3(call)}/roles/{prior_id}/implies"
        return json_reply({"role_inference": _told(call, prior, pairs), "links": {"self": here}})

    @router.route("GET", "/v3/role_inferences", "identity:list_role_inference_rules")
    async def everything(call: Call) -> Reply:
        pairs = await context.database.read(roles.inferences)
        priors = {prior["id"]: prior for prior, _ in pairs}
        told = [
            _told(call, prior, [pair for pair in pairs if pair[0]["id"] == prior["id"]])
            for prior in priors.values()
        ]
        links = {"self": f"{v3(call)}/role_inferences"}
        return json_reply({"role_inferences": told, "links": links})


def _add_pairs(router: Router, context: Context) -> None:
    path = f"{PATH}/<implied_id>"

    @router.route("PUT", path, "identity:create_implied_role")
    async def imply(call: Call, prior_id: str, implied_id: str) -> Reply:
        told = {"implied_role_id": implied_id}
        entry = entry_of(call, "identity:create_implied_role", "role", prior_id, told)
        prior, implied = await write(context, entry, roles.imply, prior_id, implied_id)
        return json_reply(_pair(call, prior, implied), 201)

    # before GET, which would take it too
    @router.route("HEAD", path, "identity:check_implied_role")
    async def check(_call: Call, prior_id: str, implied_id: str) -> Reply:
        await context.database.read(roles.both, prior_id, implied_id)
        return empty_reply()

    @router.route("GET", path, "identity:get_implied_role")
    async def show(call: Call, prior_id: str, implied_id: str) -> Reply:
        prior, implied = await context.database.read(roles.both, prior_id, implied_id)
        return json_reply(_pair(call, prior, implied))

    @router.route("DELETE", path, "identity:delete_implied_role")
    async def remove(call: Call, prior_id: str, implied_id: str) -> Reply:
        told = {"implied_role_id": implied_id}
        entry = entry_of(call, "identity:delete_implied_role", "role", prior_id, told)
        now, horizon_s = int(context.clock()), context.tokens.horizon_s
        await write(context, entry, roles.imply_no_more, prior_id, implied_id, now, horizon_s)
        return empty_reply()


def _pair(call: Call, prior: Thing, implied: Thing) -> dict[str, Any]:
    here = f"{v3(call)}/roles/{prior['id']}/implies/{implied['id']}"
    told = {"prior_role": _role(call, prior), "implies": _role(call, implied)}
    return {"role_inference": told, "links": {"self": here}}


def _told(call: Call, prior: Thing, pairs: Sequence[tuple[Thing, Thing]]) -> dict[str, Any]:
    return {
        "prior_role": _role(call, prior),
        "implies": [_role(call, implied) for _, implied in pairs],
    }


def _role(call: Call, role: Thing) -> dict[str, Any]:
    return {
        "id": role["id"],
        "name": role["name"],
        "links": {"self": f"{v3(call)}/roles/{role['id']}"},
    }
