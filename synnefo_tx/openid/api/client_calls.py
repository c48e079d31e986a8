"""
Calls of clients that show who they are: for tokens, and about tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.openid.api.context import OPEN_TO_SCRIPTS, UNCACHED, Context, issuer_of
from synnefo_tx.openid.api.forms import form_of
from synnefo_tx.openid.errors import InvalidClient, Refused
from synnefo_tx.openid.model import Client, Issued
from synnefo_tx.openid.rows import clients, grants, tokens
from synnefo_tx.openid.rows.grants import ACCESS_S, Exchange, Stolen
from synnefo_tx.openid.rules.client_auth import proven, shown_by
from synnefo_tx.openid.rules.verifier import challenge_of
from synnefo_tx.openid.views.claims import id_claims, introspection

Form = Mapping[str, str]


def add_routes(router: Router, context: Context) -> None:
    @router.route("POST", "/token", None)
    async def token(call: Call) -> Reply:
        form = form_of(call)
        client = await _client(context, call, form)
        match form.get("grant_type"):
            case "authorization_code":
                issued = await _exchanged(context, call, client, form)
            case "refresh_token":
                issued = await _refreshed(context, call, client, form)
            case None:
                raise Refused("invalid_request", "grant_type is missing.")
            case _:
                raise Refused("unsupported_grant_type", "The grant_type is not supported.")
        return json_reply(issued, 200, *UNCACHED, *OPEN_TO_SCRIPTS)

    @router.route("POST", "/revoke", None)
    async def revoke(call: Call) -> Reply:
        form = form_of(call)
        client = await _client(context, call, form)
        text = _needed(form, "token")
        await context.identity.database.write(tokens.revoke, text, client.id)
        return Reply(200, b"", headers=(*UNCACHED, *OPEN_TO_SCRIPTS))

    @router.route("POST", "/introspect", None)
    async def introspect(call: Call) -> Reply:
        form = form_of(call)
        client = await _client(context, call, form)
        if client.public:
            raise InvalidClient  # anybody can say to be it
        text = _needed(form, "token")
        held = await context.identity.database.read(tokens.held, text, context.now())
        if held is None or not (client.may_introspect or held.grant.client_id == client.id):
            return json_reply({"active": False}, 200, *UNCACHED)
        return json_reply(introspection(held, issuer_of(call)), 200, *UNCACHED)


async def _client(context: Context, call: Call, form: Form) -> Client:
    shown = shown_by(call.header("authorization"), form)
    return proven(await context.identity.database.read(clients.find, shown.client_id), shown)


async def _exchanged(context: Context, call: Call, client: Client, form: Form) -> dict[str, object]:
    shown = Exchange(
        _needed(form, "code"),
        client.id,
        _needed(form, "redirect_uri"),
        challenge_of(form.get("code_verifier")),
    )
    issued = await context.identity.database.write(grants.exchange, shown, context.now())
    return await _told(context, call, await _good(context, call, client, issued))


async def _refreshed(context: Context, call: Call, client: Client, form: Form) -> dict[str, object]:
    scopes = frozenset(form["scope"].split()) if "scope" in form else None
    text = _needed(form, "refresh_token")
    found = await context.identity.database.write(
        grants.refresh, text, client.id, scopes, context.now()
    )
    issued = await _good(context, call, client, found)
    # The nonce was for the log-in: OpenID Connect Core 12.2.
    return await _told(context, call, evolve(issued, grant=evolve(issued.grant, nonce=None)))


async def _good(
    context: Context, call: Call, client: Client, found: Issued | Stolen | None
) -> Issued:
    """
    Raises Refused, once a theft is in the audit log.
    """
    if isinstance(found, Issued):
        return found
    if found is not None:
        told = {"user_id": found.user_id, "grant_id": found.grant_id}
        entry = entry_of(call, "openid:reuse", "client", client.id, told)
        await context.lines.append(evolve(entry, outcome="failure"), context.now_us())
    raise Refused("invalid_grant", "It is unknown, expired, used, or was given to another.")


async def _told(context: Context, call: Call, issued: Issued) -> dict[str, object]:
    """
    The answer to a client.
    """
    told: dict[str, object] = {
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": ACCESS_S,
        "scope": " ".join(issued.scopes),
    }
    if issued.refresh is not None:
        told["refresh_token"] = issued.refresh
    if "openid" in issued.scopes:
        claims = id_claims(issuer_of(call), issued.grant, issued.access, context.now())
        told["id_token"] = await context.signer.sign(claims)
    return told


def _needed(form: Form, name: str) -> str:
    if name not in form:
        raise Refused("invalid_request", f"{name} is missing.")
    return form[name]
