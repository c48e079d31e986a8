"""
What a user hands on, as JSON: application credentials, access rules and other credentials.  base:
the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.identity.rules.moments import moment_us
from synnefo_tx.identity.rules.totp import ENROLLED, OURS

View = dict[str, Any]
Thing = Mapping[str, Any]


def application_credential_view(one: Thing, base: str) -> View:
    """
    one: with its roles and access rules.  Without its secret.
    """
    here = f"{base}/users/{one['user_id']}/application_credentials/{one['id']}"
    ends_us = one["expires_at"]
    view = {
        "id": one["id"],
        "name": one["name"],
        "description": one["description"],
        "project_id": one["project_id"],
        "unrestricted": one["unrestricted"],
        "expires_at": None if ends_us is None else moment_us(ends_us),
        "roles": [_role(role) for role in one["roles"]],
        "links": {"self": here},
    }
    if one["access_rules"]:
        view["access_rules"] = [_rule(rule) for rule in one["access_rules"]]
    return view


def access_rule_view(rule: Thing, base: str) -> View:
    here = f"{base}/users/{rule['user_id']}/access_rules/{rule['id']}"
    return _rule(rule) | {"links": {"self": here}}


def _rule(rule: Thing) -> View:
    return {name: rule[name] for name in ("id", "service", "method", "path")}


def _role(role: Thing) -> View:
    told = {name: role[name] for name in ("id", "name", "description", "options")}
    return told | {"domain_id": role["domain_id"] or None}


def credential_view(credential: Thing, blob: str, base: str) -> View:
    """
    blob: the secret, opened.  That of a factor which its owner enrolled was told once.
    """
    shown = {name: value for name, value in credential.items() if name not in OURS}
    blob = "" if credential.get(ENROLLED) else blob
    here = f"{base}/credentials/{credential['id']}"
    return shown | {"blob": blob, "links": {"self": here}}


def ec2_view(credential: Thing, blob: Thing, base: str) -> View:
    """
    blob: the secret, opened and decoded.
    """
    here = f"{base}/users/{credential['user_id']}/credentials/OS-EC2/{blob.get('access')}"
    return {
        "user_id": credential["user_id"],
        "tenant_id": credential["project_id"],
        "access": blob.get("access"),
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
        "links": {"self": here},
    }
