"""
/v3/ec2tokens and /v3/s3tokens: a service shows a signed request, and gets the token of its signer.

Source: Keystone's keystone/api/_shared/EC2_S3_Resource.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from attrs import evolve

from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.errors import BadRequest, DomainError, NotAuthenticated, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.credentials import access_id
from synnefo_tx.identity.api.issuing import catalog_for, fresh_token, use_trust
from synnefo_tx.identity.api.login_log import LOG_IN
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.credentials import EC2
from synnefo_tx.identity.rows.kinds import CREDENTIAL
from synnefo_tx.identity.rows.logins import bearer_of
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.login import decide
from synnefo_tx.identity.rules.signatures import Signed, is_signed_with, s3_is_signed_with
from synnefo_tx.identity.secret_box import SecretGarbled
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.views.token import token_view

METHOD = "ec2credential"
GOOD_FOR_S = 15 * 60  # Keystone's [credential] auth_ttl
Check = Callable[[Signed, str], bool]


def add_routes(router: Router, context: Context) -> None:
    lines = GatheredLines(context.database)

    @router.route("POST", "/v3/ec2tokens", "identity:ec2tokens_validate")
    async def ec2(call: Call) -> Reply:
        token, answer = await _logged(context, lines, call, is_signed_with)
        return json_reply(answer, 200, ("X-Subject-Token", context.tokens.seal(token)))

    @router.route("POST", "/v3/s3tokens", "identity:s3tokens_validate")
    async def s3(call: Call) -> Reply:
        _, answer = await _logged(context, lines, call, s3_is_signed_with)
        return json_reply(answer)


async def _logged(
    context: Context, lines: GatheredLines, call: Call, check: Check
) -> tuple[Token, dict[str, object]]:
    """
    As `_signer`; it is in the audit log, also when it fails.
    """
    signed = _request(call)
    credential_id = access_id(signed.access)
    found = await context.database.read(things.find, CREDENTIAL, credential_id)
    told = {"methods": [METHOD], "credential_id": credential_id if found else ""}
    entry = entry_of(call, LOG_IN, "user", found["user_id"] if found else "", told)
    try:
        token, answer = await _signer(context, call, signed, found, check)
    except DomainError as error:
        refused = evolve(entry, outcome="failure", details=told | {"reason": type(error).__name__})
        await lines.append(refused, int(context.clock() * 1e6))
        raise
    await lines.append(entry, int(context.clock() * 1e6))
    return token, answer


async def _signer(
    context: Context, call: Call, signed: Signed, found: Thing | None, check: Check
) -> tuple[Token, dict[str, object]]:
    """
    The token of who signed the request, and what is told of it.
    """
    if found is None or found["type"] != EC2:
        raise NotFound("EC2 access key not found.")
    try:
        blob = msgspec.json.decode(context.secrets.open(found["blob"]), type=dict[str, object])
    except (SecretGarbled, msgspec.MsgspecError) as error:
        raise NotFound("EC2 access key not found.") from error
    if not signed.signature:
        raise NotAuthenticated("EC2 signature not supplied.")
    if not await _counted(context, signed, str(blob.get("secret") or ""), check):
        raise NotAuthenticated("Invalid EC2 signature.")
    _fresh(signed, context.clock())
    login, known = await context.database.read(
        bearer_of,
        found["user_id"],
        found["project_id"],
        str(blob.get("trust_id") or ""),
        str(blob.get("app_cred_id") or ""),
    )
    login = evolve(login, methods=(METHOD,))
    grant = decide(login, known, {METHOD}, (), context.clock(), by_person=False)
    await use_trust(context, grant)
    token = fresh_token(context, (METHOD,), grant)
    return token, token_view(token, grant, await catalog_for(context, call, token))


async def _counted(context: Context, signed: Signed, secret: str, check: Check) -> bool:
    """
    Whether the signature is right, wrong ones counted for each key: who asks is a service, whose
    address must not be held up by one user.  Raises TooManyRequests.
    """

    async def right() -> bool:
        return check(signed, secret)

    key = f"{METHOD} {access_id(signed.access)}"
    return await context.gate.counted(key, key, right)


def _request(call: Call) -> Signed:
    body = json_body.read(call)
    if not body:
        raise BadRequest("request must include a request body")
    told = body.get("credentials") or body.get("credential") or body.get("ec2Credentials") or {}
    if not isinstance(told, dict) or "access" not in told:
        raise NotAuthenticated("EC2 Signature not supplied")
    try:
        return msgspec.convert(told, Signed)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Invalid input for field 'credentials': {error}") from error


def _fresh(signed: Signed, now: float) -> None:
    """
    Raises NotAuthenticated for a request that was signed too long ago.
    """
    if not signed.at:
        return
    try:
        at = datetime.fromisoformat(signed.at)
    except ValueError as error:
        raise NotAuthenticated("Credential timestamp is invalid") from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if now > at.timestamp() + GOOD_FOR_S:
        raise NotAuthenticated("Credential is expired")
