"""
A token as JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from synnefo_tx.identity.model import ApplicationCredential, Domain, Scope
from synnefo_tx.identity.rules.login import Grant
from synnefo_tx.identity.token import Token

View = dict[str, Any]


def token_view(token: Token, grant: Grant, catalog: list[View] | None) -> View:
    """
    catalog: None leaves it out.
    """
    audit_ids = [token.audit_id] + ([token.parent_audit_id] if token.parent_audit_id else [])
    view: View = {
        "methods": list(token.methods),
        "user": {
            "domain": _named(grant.user_domain),
            "id": grant.user.id,
            "name": grant.user.name,
            "password_expires_at": _end(grant.user.password_expires_at),
        },
        "audit_ids": audit_ids,
        "expires_at": moment(token.expires_at),
        "issued_at": moment(token.issued_at),
    }
    if grant.scope is not None:
        view |= _scope(grant.scope)
        roles = [role for role in grant.scope.roles if not role.domain_id]
        view["roles"] = [{"id": role.id, "name": role.name} for role in roles]
        if catalog is not None:
            view["catalog"] = catalog
    if grant.credential is not None:
        view["application_credential"] = _credential(grant.credential)
    if grant.trust is not None:
        view["OS-TRUST:trust"] = {
            "id": grant.trust.id,
            "trustor_user": {"id": grant.trust.trustor_id},
            "trustee_user": {"id": grant.trust.trustee_id},
            "impersonation": grant.trust.impersonation,
        }
    return {"token": view}


def _credential(held: ApplicationCredential) -> View:
    view: View = {"id": held.id, "name": held.name, "restricted": not held.unrestricted}
    if held.access_rules:
        view["access_rules"] = [
            {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}
            for rule in held.access_rules
        ]
    return view


def _scope(scope: Scope) -> View:
    if scope.project is not None and scope.domain is not None:
        project = {
            "domain": _named(scope.domain),
            "id": scope.project.id,
            "name": scope.project.name,
        }
        return {"project": project, "is_domain": False}
    if scope.domain is not None:
        return {"domain": _named(scope.domain)}
    return {"system": {"all": True}}


def moment(seconds: int) -> str:
    """
    "2026-11-23T05:33:44.000000Z".
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _end(seconds: int | None) -> str | None:
    return None if seconds is None else moment(seconds)


def _named(domain: Domain) -> View:
    return {"id": domain.id, "name": domain.name}
