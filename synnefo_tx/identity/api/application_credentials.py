"""
/v3/users/<id>/application_credentials.
"""

from __future__ import annotations

import secrets
import uuid

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.delegated import refuse_restricted, refuse_trusts
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import told
from synnefo_tx.identity.api.schemas import APPLICATION_CREDENTIAL as SCHEMA
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound, ActionForbidden
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import application_credentials as rows
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import APPLICATION_CREDENTIAL, USER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.moments import end_us
from synnefo_tx.identity.views.delegation import application_credential_view as view

PATH = "/v3/users/<user_id>/application_credentials"
SECRET_BYTES = 64
_body = Body(SCHEMA, keystone_wording)


def add_routes(router: Router, context: Context) -> None:
    _add_writing(router, context)

    @router.route("GET", PATH, "identity:list_application_credentials")
    async def index(call: Call, user_id: str) -> Reply:
        enforce(call, "identity:list_application_credentials", Target((user_id,)))
        refuse_trusts(call)
        page = page_of(call, {"name": "name"})
        found, more = await context.database.read(
            things.list_things, APPLICATION_CREDENTIAL, page, rows.of_user(user_id)
        )
        whole = await context.database.read(rows.with_parts, found)
        views = [view(one, v3(call)) for one in whole]
        return collection(call, "application_credentials", views, more)

    @router.route("GET", f"{PATH}/<credential_id>", "identity:get_application_credential")
    async def show(call: Call, user_id: str, credential_id: str) -> Reply:
        found = await _permitted(context, call, "get", user_id, credential_id)
        whole = await context.database.read(rows.with_parts, [found])
        return json_reply({"application_credential": view(whole[0], v3(call))})


def _add_writing(router: Router, context: Context) -> None:
    creating = "identity:create_application_credential"
    deleting = "identity:delete_application_credential"

    @router.route("POST", PATH, creating)
    async def create(call: Call, user_id: str) -> Reply:
        given = _body.check(json_body.read(call).get("application_credential", {}))
        enforce(call, creating, Target((user_id,)))
        refuse_trusts(call)
        refuse_restricted(call, "application credentials")
        secret = given.get("secret") or secrets.token_urlsafe(SECRET_BYTES)
        thing = _complete(call, given, context.clock())
        thing["secret_hash"] = await context.passwords.hash(secret)
        entry = entry_of(call, creating, "application_credential", thing["id"], told(given))
        made = await write(
            context,
            entry,
            rows.create_credential,
            APPLICATION_CREDENTIAL,
            thing,
            call.token.roles,
            delegated=bool(call.token.application_credential_id or call.token.trust_id),
        )
        shown = view(made, v3(call)) | {"secret": secret}
        return json_reply({"application_credential": shown}, 201)

    @router.route("DELETE", f"{PATH}/<credential_id>", deleting)
    async def delete(call: Call, user_id: str, credential_id: str) -> Reply:
        found = await _permitted(context, call, "delete", user_id, credential_id)
        refuse_restricted(call, "application credentials")
        entry = entry_of(call, deleting, "application_credential", credential_id)
        now, horizon_s = int(context.clock()), context.tokens.horizon_s
        await write(
            context, entry, rows.remove_credential, APPLICATION_CREDENTIAL, found, now, horizon_s
        )
        return empty_reply()


def _complete(call: Call, given: Thing, now: float) -> Thing:
    """
    What is to be stored, but for the secret.  Raises BadRequest and ActionForbidden.
    """
    token = call.token
    if not token.project_id:
        raise rows.CredentialInvalid("A token of a project is needed.")
    _within_own_rules(call, given)
    for rule in given.get("access_rules") or []:
        if "id" not in rule and not {"service", "method", "path"} <= rule.keys():
            raise BadRequest("An access rule needs an id, or service, method and path.")
    ends_at = given.get("expires_at")
    return {
        "id": uuid.uuid4().hex,
        "user_id": token.user_id,
        "project_id": token.project_id,
        "name": given["name"],
        "description": given.get("description"),
        "unrestricted": bool(given.get("unrestricted")),
        "expires_at": None if not ends_at else end_us(ends_at, now),
        "roles": given.get("roles"),
        "access_rules": given.get("access_rules"),
    }


def _within_own_rules(call: Call, given: Thing) -> None:
    """
    Who is limited to some calls can't make a credential that is good for others.
    """
    if call.token.access_rules is None:
        return
    wanted = [
        (rule.get("service"), rule.get("method"), rule.get("path"))
        for rule in given.get("access_rules") or []
    ]
    if not wanted or not set(wanted) <= set(call.token.access_rules):
        raise ActionForbidden("identity:create_application_credential")


async def _permitted(
    context: Context, call: Call, verb: str, user_id: str, credential_id: str
) -> Thing:
    """
    The credential, if the caller may do `verb` to it; it belongs to whom it says, not to the path.
    """
    found = await context.database.read(things.find, APPLICATION_CREDENTIAL, credential_id)
    owner = found["user_id"] if found else user_id
    enforce(call, f"identity:{verb}_application_credential", Target((owner,)))
    refuse_trusts(call)
    if found is None or owner != user_id:
        await context.database.read(things.fetch, USER, user_id)
        raise AccountNotFound("Application Credential", credential_id)
    return found
