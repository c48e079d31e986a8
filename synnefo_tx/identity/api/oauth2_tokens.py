"""
POST /v3/OS-OAUTH2/token: a token for an application credential, asked for as OAuth 2.0 clients do.

Source: RFC 6749 4.4; Keystone's keystone/api/os_oauth2.py, release 2026.1.  Not offered: clients
that show a certificate.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.errors import NotAuthenticated, TooManyRequests
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.admitting import known_of
from synnefo_tx.identity.api.context import Context, address_of, v3
from synnefo_tx.identity.api.issuing import fresh_token
from synnefo_tx.identity.api.login_log import LOG_IN
from synnefo_tx.identity.api.proofs import proved
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.rules.login import (
    CredentialWanted,
    Login,
    MoreMethodsNeeded,
    Special,
    decide,
)
from synnefo_tx.identity.token import Token

METHODS = ("application_credential",)
MOST_FIELDS = 40
UNCACHED = ("Cache-Control", "no-store")  # RFC 6749 5.1


@frozen
class _Refused(Exception):
    """
    error: as RFC 6749 5.2 names it.
    """

    error: str
    description: str
    status: int = 400


def add_routes(router: Router, context: Context) -> None:
    lines = GatheredLines(context.database)

    @router.route("POST", "/v3/OS-OAUTH2/token", None)
    async def give(call: Call) -> Reply:
        try:
            client_id, secret = _client(call, _form(call))
            token = await _logged(context, lines, call, client_id, secret)
        except _Refused as refused:
            return _refusal(call, refused)
        told = {
            "access_token": context.tokens.seal(token),
            "token_type": "Bearer",
            "expires_in": token.expires_at - int(context.clock()),
        }
        return json_reply(told, 200, UNCACHED)


def _refusal(call: Call, refused: _Refused) -> Reply:
    told = {"error": refused.error, "error_description": refused.description}
    headers = [UNCACHED]
    if refused.status == 401:
        headers.append(("WWW-Authenticate", f'Keystone uri="{v3(call)}"'))
    return json_reply(told, refused.status, *headers)


def _form(call: Call) -> dict[str, str]:
    try:
        text = call.raw_body().decode("utf-8")
        return dict(parse_qsl(text, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise _Refused("invalid_request", "The body is no form.") from error


def _client(call: Call, form: Mapping[str, str]) -> tuple[str, str]:
    """
    Id and secret of the application credential.  Raises _Refused.
    """
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise _Refused("invalid_request", "The parameter grant_type is required.")
    if grant_type != "client_credentials":
        told = f"The parameter grant_type {grant_type} is not supported."
        raise _Refused("unsupported_grant_type", told)
    shown = _basic(call.header("authorization"))
    client_id, secret = shown or (form.get("client_id", ""), form.get("client_secret", ""))
    if not client_id or not secret or "\0" in client_id + secret:
        raise _Refused("invalid_client", "Client authentication failed.", 401)
    return client_id, secret


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return client_id, secret


async def _logged(
    context: Context, lines: GatheredLines, call: Call, client_id: str, secret: str
) -> Token:
    """
    The token; it is in the audit log before anybody has it.  Raises _Refused and TooManyRequests.
    """
    wanted = CredentialWanted(client_id, None, None, secret)
    login = Login(METHODS, None, None, None, Special.DEFAULT, wanted)
    known = await known_of(context, login)
    user_id = known.user.id if known.user else ""
    entry = entry_of(call, LOG_IN, "user", user_id, {"methods": list(METHODS)})
    now_us = int(context.clock() * 1e6)
    try:
        right = await proved(context, login, known, address_of(call))
        grant = decide(login, known, right, (), context.clock())
    except (NotAuthenticated, MoreMethodsNeeded, TooManyRequests) as error:
        told = {**entry.details, "reason": type(error).__name__}
        await lines.append(evolve(entry, outcome="failure", details=told), now_us)
        if isinstance(error, TooManyRequests):
            raise
        raise _Refused("invalid_client", str(NotAuthenticated()), 401) from error
    token = fresh_token(context, METHODS, grant)
    held = {"scope": "project", "application_credential_id": token.application_credential_id}
    given = evolve(entry, user_id=user_id, project_id=token.project_id)
    await lines.append(evolve(given, details={**entry.details, **held}), now_us)
    return token
