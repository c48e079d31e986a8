"""
Trusts as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synnefo_tx.identity.views.accounts import role_view
from synnefo_tx.identity.views.token import moment

View = dict[str, Any]


def trust_view(trust: Mapping[str, Any], base: str) -> View:
    """
    As a list has it: without its roles.
    """
    ends_at = trust["expires_at"]
    return {
        **trust,
        "expires_at": None if ends_at is None else moment(ends_at),
        "links": {"self": f"{base}/OS-TRUST/trusts/{trust['id']}"},
    }


def whole_trust_view(
    trust: Mapping[str, Any], held: Sequence[Mapping[str, Any]], base: str
) -> View:
    """
    With its roles.
    """
    return trust_view(trust, base) | {
        "roles": [role_view(role, base) for role in held],
        "roles_links": role_links(trust["id"], base),
    }


def role_links(trust_id: str, base: str) -> View:
    here = f"{base}/OS-TRUST/trusts/{trust_id}/roles"
    return {"self": here, "next": None, "previous": None}
