"""
Who may call what: one table a service (`<service>/permissions.py`), one way to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from synnefo_tx.identity.token import Token


class Rule(Enum):
    """
    What a token must show for a permission.
    """

    ANY_TOKEN = "any valid token"  # noqa: S105 - not a secret
    READER = "a project-scoped token with the reader, member or admin role"
    MEMBER = "a project-scoped token with the member or admin role"
    ADMIN = "a token with the admin role"


def allows(rule: Rule, token: Token) -> bool:
    """
    Whether `token` satisfies `rule`.
    """
    roles = set(token.roles)
    match rule:
        case Rule.ANY_TOKEN:
            return True
        case Rule.READER:
            return bool(token.project_id) and bool(roles & {"reader", "member", "admin"})
        case Rule.MEMBER:
            return bool(token.project_id) and bool(roles & {"member", "admin"})
        case Rule.ADMIN:
            return "admin" in roles


class Permissions:
    """
    A service's table as the router asks it.  A permission that is not in the table is a defect and
    is refused.
    """

    def __init__(self, table: Mapping[str, Rule]) -> None:
        self.table = table

    def __call__(self, permission: str, token: Token) -> bool:
        rule = self.table.get(permission)
        return rule is not None and allows(rule, token)


# Identity's own.  What ANY_TOKEN may see of a user, a project, a domain or a token is decided by
# whose it is.
PERMISSIONS: dict[str, Rule] = {
    "identity:validate_token": Rule.ANY_TOKEN,
    "identity:revoke_token": Rule.ANY_TOKEN,
    "identity:get_auth_projects": Rule.ANY_TOKEN,
    "identity:get_auth_domains": Rule.ANY_TOKEN,
    "identity:get_auth_system": Rule.ANY_TOKEN,
    "identity:get_auth_catalog": Rule.ANY_TOKEN,
    "identity:list_projects": Rule.ADMIN,
    "identity:get_project": Rule.ANY_TOKEN,
    "identity:list_users": Rule.ADMIN,
    "identity:get_user": Rule.ANY_TOKEN,
    "identity:list_user_projects": Rule.ANY_TOKEN,
    "identity:list_domains": Rule.ADMIN,
    "identity:get_domain": Rule.ANY_TOKEN,
    "identity:list_roles": Rule.ADMIN,
    "identity:get_role": Rule.ADMIN,
    "identity:list_role_assignments": Rule.ADMIN,
    "identity:list_regions": Rule.ANY_TOKEN,
    "identity:get_region": Rule.ANY_TOKEN,
    "identity:list_services": Rule.ADMIN,
    "identity:get_service": Rule.ADMIN,
    "identity:list_endpoints": Rule.ADMIN,
    "identity:get_endpoint": Rule.ADMIN,
}
