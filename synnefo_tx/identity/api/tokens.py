"""
/v3/auth/tokens: log in, look at a token, take it back.
"""

from __future__ import annotations

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.http.kept_answers import KeptAnswers
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.admitting import known_of
from synnefo_tx.identity.api.context import Context, address_of, enforce, may
from synnefo_tx.identity.api.issuing import catalog_for, fresh_token, use_trust
from synnefo_tx.identity.api.login_body import read
from synnefo_tx.identity.api.login_log import LoginLog
from synnefo_tx.identity.api.proofs import proved
from synnefo_tx.identity.faults import ActionForbidden, SubjectNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.receipts import Receipt, ReceiptBox
from synnefo_tx.identity.rows import logins
from synnefo_tx.identity.rules.login import (
    Grant,
    Login,
    MoreMethodsNeeded,
    decide,
    refuse_rescoping,
)
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import ALLOW_EXPIRED_S
from synnefo_tx.identity.views.receipt import receipt_view
from synnefo_tx.identity.views.token import token_view

SUBJECT = "X-Subject-Token"
RECEIPT = "Openstack-Auth-Receipt"
YES = ("1", "t", "true", "on", "y", "yes")


def add_routes(router: Router, context: Context) -> None:
    receipts = ReceiptBox(context.secrets, context.clock)

    login_log = LoginLog(context)
    kept = KeptAnswers(context.authenticator.mark, context.clock, SUBJECT.lower().encode())
    router.answer_early("/v3/auth/tokens", kept.answer)

    @router.route("POST", "/v3/auth/tokens", None)
    @login_log.logged
    async def issue(call: Call) -> Reply:
        login = read(json_body.read(call).get("auth"))
        shown = None
        if login.token is not None:
            shown = await context.authenticator.subject(login.token)
            refuse_rescoping(shown, login.scope)
        earlier = _earlier(receipts, call)
        try:
            grant = await _granted(context, call, login, shown, earlier)
        except MoreMethodsNeeded as more:
            receipt, text = receipts.issue(more.user.id, more.methods)
            return json_reply(receipt_view(receipt, more), 401, (RECEIPT, text))
        methods = tuple(dict.fromkeys(login.methods + _before(shown, earlier)))
        token = fresh_token(context, methods, grant, shown)
        answer = token_view(token, grant, await catalog_for(context, call, token))
        call.issued = token
        return json_reply(answer, 201, (SUBJECT, context.tokens.seal(token)))

    @router.route("GET", "/v3/auth/tokens", "identity:validate_token")
    async def validate(call: Call) -> Reply:
        mark = kept.mark()  # as the caller was authenticated
        token = await _subject(context, call, "identity:validate_token")
        standing = await context.database.read(logins.standing_of, token)
        grant = _worth(standing, token)
        answer = token_view(token, grant, await catalog_for(context, call, token))
        reply = json_reply(answer, 200, (SUBJECT, call.header(SUBJECT)))
        kept.keep(call.request, reply, mark, min(token.expires_at, call.token.expires_at))
        return reply

    @router.route("DELETE", "/v3/auth/tokens", "identity:revoke_token")
    async def revoke(call: Call) -> Reply:
        token = await _subject(context, call, "identity:revoke_token")
        await context.authenticator.revoke(token)
        await login_log.logged_out(call, token)
        return empty_reply()


def _earlier(receipts: ReceiptBox, call: Call) -> Receipt | None:
    """
    The receipt that the call shows.  Raises NotAuthenticated for one that is worth nothing.
    """
    text = call.header(RECEIPT)
    receipt = receipts.open(text) if text else None
    if text and receipt is None:
        raise NotAuthenticated
    return receipt


def _before(shown: Token | None, earlier: Receipt | None) -> tuple[str, ...]:
    """
    The methods that were right before this call.
    """
    return (shown.methods if shown else ()) + (earlier.methods if earlier else ())


async def _granted(
    context: Context, call: Call, login: Login, shown: Token | None, earlier: Receipt | None
) -> Grant:
    known = await known_of(context, login, shown)
    right = await proved(context, login, known, address_of(call))
    if context.gate.elsewhere is not None and "password" in right:
        known = await known_of(context, login, shown)
    if earlier is not None and known.user is not None and earlier.user_id != known.user.id:
        raise NotAuthenticated
    grant = decide(login, known, right, _before(shown, earlier), context.clock())
    await use_trust(context, grant)
    return grant


async def _subject(context: Context, call: Call, action: str) -> Token:
    """
    The token in X-Subject-Token, if the caller may do `action` with it.
    """
    text = call.header(SUBJECT)
    if not text and not may(call, action, Target()):
        raise ActionForbidden(action)
    expired_too = (call.query("allow_expired") or "").strip().lower() in YES
    window_s = ALLOW_EXPIRED_S if expired_too else 0
    token = await context.authenticator.subject(text, window_s)
    enforce(call, action, Target((token.user_id,)))
    return token


def _worth(standing: logins.Standing | None, token: Token) -> Grant:
    """
    What the token is worth as accounts stand.  Raises SubjectNotFound.
    """
    if standing is None:
        raise SubjectNotFound("Failed to validate token")
    made = Grant(
        standing.user,
        standing.user_domain,
        standing.scope,
        standing.credential,
        standing.trust,
    )
    if not (token.project_id or token.domain_id or token.system):
        return made
    if standing.scope is None or not standing.scope.open:
        raise SubjectNotFound("Failed to validate token")
    return made
