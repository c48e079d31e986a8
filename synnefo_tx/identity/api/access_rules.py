"""
/v3/users/<id>/access_rules: the calls that a user's application credentials are good for.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.delegated import refuse_restricted, refuse_trusts
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import application_credentials as rows
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import ACCESS_RULE
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.delegation import access_rule_view

PATH = "/v3/users/<user_id>/access_rules"
FILTERS = {name: name for name in ("service", "method", "path")}


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", PATH, "identity:list_access_rules")
    async def index(call: Call, user_id: str) -> Reply:
        enforce(call, "identity:list_access_rules", Target((user_id,)))
        refuse_trusts(call)
        where = rows.rules_of_user(user_id)
        found, more = await context.database.read(
            things.list_things, ACCESS_RULE, page_of(call, FILTERS), where
        )
        views = [access_rule_view(one, v3(call)) for one in found]
        return collection(call, "access_rules", views, more)

    @router.route("GET", f"{PATH}/<rule_id>", "identity:get_access_rule")
    async def show(call: Call, user_id: str, rule_id: str) -> Reply:
        found = await _permitted(context, call, "get", user_id, rule_id)
        return json_reply({"access_rule": access_rule_view(found, v3(call))})

    @router.route("DELETE", f"{PATH}/<rule_id>", "identity:delete_access_rule")
    async def delete(call: Call, user_id: str, rule_id: str) -> Reply:
        await _permitted(context, call, "delete", user_id, rule_id)
        refuse_restricted(call, "application credentials")
        entry = entry_of(call, "identity:delete_access_rule", "access_rule", rule_id)
        await write(context, entry, rows.remove_rule, rule_id)
        return empty_reply()


async def _permitted(context: Context, call: Call, verb: str, user_id: str, rule_id: str) -> Thing:
    found = await context.database.read(things.find, ACCESS_RULE, rule_id)
    owner = found["user_id"] if found else user_id
    enforce(call, f"identity:{verb}_access_rule", Target((owner,)))
    refuse_trusts(call)
    if found is None or owner != user_id:
        raise AccountNotFound("Access Rule", rule_id)
    return found
