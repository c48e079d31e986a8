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

    ANY_TOKEN = "any valid token"
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
