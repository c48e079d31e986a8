"""
/v3/auth/tokens: log in, look at a token, take it back.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, root
from synnefo_tx.identity.api.login_body import read
from synnefo_tx.identity.faults import ActionForbidden, SubjectNotFound
from synnefo_tx.identity.model import Scope
from synnefo_tx.identity.rows import logins
from synnefo_tx.identity.rules.login import Grant, Login, decide
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import ALLOW_EXPIRED_S
from synnefo_tx.identity.views.catalog import catalog_view
from synnefo_tx.identity.views.token import token_view

SUBJECT = "X-Subject-Token"
YES = ("1", "t", "true", "on", "y", "yes")


def add_routes(router: Router, context: Context) -> None:
    @router.route("POST", "/v3/auth/tokens", None)
    async def issue(call: Call) -> Reply:
        login = read(json_body.read(call).get("auth"))
        shown = None
        if login.token is not None:
            shown = await context.authenticator.subject(login.token)
        grant = await _granted(context, login, shown)
        token = _fresh(context, login, grant, shown)
        answer = token_view(token, grant, await _catalog(context, call, token))
        return json_reply(answer, 201, (SUBJECT, context.tokens.seal(token)))

    @router.route("GET", "/v3/auth/tokens", "identity:validate_token")
    async def validate(call: Call) -> Reply:
        token = await _subject(context, call, "identity:validate_token")
        standing = await context.database.read(logins.standing_of, token)
        grant = _worth(standing, token)
        answer = token_view(token, grant, await _catalog(context, call, token))
        return json_reply(answer, 200, (SUBJECT, call.header(SUBJECT)))

    @router.route("DELETE", "/v3/auth/tokens", "identity:revoke_token")
    async def revoke(call: Call) -> Reply:
        token = await _subject(context, call, "identity:revoke_token")
        await context.authenticator.revoke(token)
        return empty_reply()


async def _granted(context: Context, login: Login, shown: Token | None) -> Grant:
    holder = shown.user_id if shown else None
    known = await context.database.read(logins.known, login, holder)
    right = False
    if login.user is not None:
        # Checked even when the user is unknown or disabled: the time must not tell which.
        known_hash = known.user.password_hash if known.user else None
        right = await context.passwords.verify(known_hash, login.password)
    return decide(login, known, right, holder)


def _fresh(context: Context, login: Login, grant: Grant, shown: Token | None) -> Token:
    """
    The token for `grant`.  One made from another ends when that one ends.
    """
    now = int(context.clock())
    methods = login.methods + (shown.methods if shown else ())
    return Token(
        user_id=grant.user.id,
        user_name=grant.user.name,
        user_domain_id=grant.user.domain_id,
        **_scope(grant.scope),
        methods=tuple(dict.fromkeys(methods)),
        issued_at=now,
        expires_at=shown.expires_at if shown else now + context.tokens.lifetime_s,
        audit_id=base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode("ascii"),
        parent_audit_id=(shown.parent_audit_id or shown.audit_id) if shown else "",
    )


def _scope(scope: Scope | None) -> dict[str, Any]:
    """
    The fields of a token that tell its scope.
    """
    told: dict[str, Any] = {"project_id": "", "project_name": "", "project_domain_id": ""}
    if scope is None:
        return told | {"roles": ()}
    roles = tuple(role.name for role in scope.roles if not role.domain_id)
    if scope.project is not None:
        project = scope.project
        told = {
            "project_id": project.id,
            "project_name": project.name,
            "project_domain_id": project.domain_id,
        }
    elif scope.domain is not None:
        told |= {"domain_id": scope.domain.id, "domain_name": scope.domain.name}
    else:
        told["system"] = True
    return told | {"roles": roles}


async def _subject(context: Context, call: Call, action: str) -> Token:
    """
    The token in X-Subject-Token, if the caller may know of it: an administrator, a service, or
    the user whose it is.
    """
    trusted = call.token.is_admin or "service" in call.token.roles
    text = call.header(SUBJECT)
    if not text and not trusted:
        raise ActionForbidden(action)
    expired_too = (call.query("allow_expired") or "").strip().lower() in YES
    window_s = ALLOW_EXPIRED_S if expired_too else 0
    token = await context.authenticator.subject(text, window_s)
    if action == "identity:revoke_token":
        trusted = call.token.is_admin
    if not trusted and token.user_id != call.token.user_id:
        raise ActionForbidden(action)
    return token


def _worth(standing: logins.Standing | None, token: Token) -> Grant:
    """
    What the token is worth as accounts stand.  Raises SubjectNotFound.
    """
    if standing is None:
        raise SubjectNotFound("Failed to validate token")
    if not (token.project_id or token.domain_id or token.system):
        return Grant(standing.user, standing.user_domain, None)
    if standing.scope is None or not standing.scope.open:
        raise SubjectNotFound("Failed to validate token")
    return Grant(standing.user, standing.user_domain, standing.scope)


async def _catalog(context: Context, call: Call, token: Token) -> list[dict[str, object]] | None:
    if call.query("nocatalog") is not None:
        return None
    services = await context.catalog.services(token.project_id)
    return catalog_view(services, root(call), token.project_id)
