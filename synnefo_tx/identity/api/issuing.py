"""
A token made of a grant.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.context import Context, root
from synnefo_tx.identity.model import Scope
from synnefo_tx.identity.rows.trusted import consume
from synnefo_tx.identity.rules.login import Grant
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.views.catalog import catalog_view


def fresh_token(
    context: Context, methods: tuple[str, ...], grant: Grant, shown: Token | None = None
) -> Token:
    """
    The token for `grant`.  It ends no later than the token it is made from, or than the
    application credential or the trust that it is given by.
    """
    now = int(context.clock())
    return Token(
        user_id=grant.user.id,
        user_name=grant.user.name,
        user_domain_id=grant.user.domain_id,
        **_scope(grant.scope),
        **_limits(grant),
        methods=methods,
        issued_at=now,
        expires_at=min(_ends(grant, shown, now + context.tokens.lifetime_s)),
        audit_id=base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode("ascii"),
        parent_audit_id=(shown.parent_audit_id or shown.audit_id) if shown else "",
    )


async def catalog_for(context: Context, call: Call, token: Token) -> list[dict[str, object]] | None:
    """
    What the token's bearer is told of the catalog; None if the call asks for none.
    """
    if call.query("nocatalog") is not None:
        return None
    services = await context.catalog.services(token.project_id)
    return catalog_view(services, root(call), token.project_id)


async def use_trust(context: Context, grant: Grant) -> None:
    """
    Count a use of the trust by which the grant is, if its uses are counted.  Raises
    NotAuthenticated when none is left.
    """
    trust = grant.trust
    if trust is None or trust.remaining_uses is None:
        return
    if not await context.database.write(consume, trust.id):
        raise NotAuthenticated


def _ends(grant: Grant, shown: Token | None, usual: int) -> list[int]:
    ends = [usual]
    if shown is not None:
        ends = [shown.expires_at]
    if grant.credential is not None and grant.credential.expires_at is not None:
        ends.append(grant.credential.expires_at // 10**6)
    if grant.trust is not None and grant.trust.expires_at is not None:
        ends.append(grant.trust.expires_at)
    return ends


def _limits(grant: Grant) -> dict[str, Any]:
    """
    The fields of a token that tell by whose leave it is given, and for which calls.
    """
    held, trust = grant.credential, grant.trust
    if trust is not None:
        return {
            "trust_id": trust.id,
            "trustor_id": trust.trustor_id,
            "trustee_id": trust.trustee_id,
            "trust_chain": trust.chain,
        }
    if held is None:
        return {}
    rules = tuple((rule.service, rule.method, rule.path) for rule in held.access_rules)
    return {
        "application_credential_id": held.id,
        "restricted": not held.unrestricted,
        "access_rules": rules or None,
    }


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
