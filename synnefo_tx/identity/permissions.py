"""
Who may call what: one table a service (`<service>/permissions.py`), one way to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from synnefo_tx.identity.token import Token

# Who holds a role of the left may do what the roles of the right may, whatever a cloud's own
# implied roles say.
_RANKS = {
    "reader": frozenset({"reader", "member", "manager", "admin"}),
    "member": frozenset({"member", "manager", "admin"}),
    "manager": frozenset({"manager", "admin"}),
}


class Where(Enum):
    """
    For what a token must be scoped, or whose it must be.
    """

    ANYWHERE = ""
    SYSTEM = "of the system"
    SOME_PROJECT = "of a project"  # an administrator's: whatever project the thing is in
    SOME_DOMAIN = "of a domain"
    DOMAIN = "of its domain"
    PROJECT = "of its project"
    PROJECT_WITHIN = "of a project in its domain"
    OWNER = "of its user"


@frozen
class Clause:
    """
    One way to be allowed: a role (None: any) held there.
    """

    role: str | None = None
    where: Where = Where.ANYWHERE

    def __str__(self) -> str:
        token = "a token" if self.role is None else f"a token with the role {self.role},"
        return f"{token} {self.where.value}".strip().removesuffix(",")


@frozen
class Target:
    """
    What is acted upon, as far as permissions ask: the users whose it is, its project, its domain.
    """

    user_ids: tuple[str | None, ...] = ()
    project_id: str | None = None
    domain_id: str | None = None


_ADMIN = Clause("admin")
_SYSTEM_READER = Clause("reader", Where.SYSTEM)
_DOMAIN_READER = Clause("reader", Where.DOMAIN)
_DOMAIN_MANAGER = Clause("manager", Where.DOMAIN)
_OWNER = Clause(None, Where.OWNER)
_PROJECT = Clause(None, Where.PROJECT)


class Rule(Enum):
    """
    What a token must show for a permission: any one of the clauses.

    Source: Keystone's keystone/common/policies, release 2026.1, and Nova's and Neutron's personas.
    """

    ANY_TOKEN = (Clause(),)
    READER = (Clause("reader", Where.SOME_PROJECT),)
    MEMBER = (Clause("member", Where.SOME_PROJECT),)
    MANAGER = (Clause("manager", Where.SOME_PROJECT),)
    ADMIN = (_ADMIN,)
    OWNER = (_OWNER,)
    ADMIN_OR_OWNER = (_ADMIN, _OWNER)
    ADMIN_OR_SERVICE = (_ADMIN, Clause("service"))
    SYSTEM_READER = (_ADMIN, _SYSTEM_READER)
    SYSTEM_READER_OR_OWNER = (_ADMIN, _SYSTEM_READER, _OWNER)
    SERVICE_READER_OR_OWNER = (_ADMIN, Clause("service"), _SYSTEM_READER, _OWNER)
    DOMAIN_READER = (_ADMIN, _SYSTEM_READER, _DOMAIN_READER)
    DOMAIN_READER_OR_OWNER = (_ADMIN, _SYSTEM_READER, _DOMAIN_READER, _OWNER)
    DOMAIN_READER_OR_PROJECT = (_ADMIN, _SYSTEM_READER, _DOMAIN_READER, _PROJECT)
    DOMAIN_MANAGER = (_ADMIN, _DOMAIN_MANAGER)
    ROLE_READER = (_ADMIN, _SYSTEM_READER, Clause("manager", Where.SOME_DOMAIN))
    WITHIN_DOMAIN = (
        _ADMIN,
        _SYSTEM_READER,
        Clause(None, Where.DOMAIN),
        Clause(None, Where.PROJECT_WITHIN),
    )

    def __str__(self) -> str:
        return "; or ".join(str(clause) for clause in self.value)


def allows(rule: Rule, token: Token, target: Target | None = None) -> bool:
    """
    Whether `token` satisfies `rule` for `target`; without a target, whether it could for some.
    """
    return any(_holds(clause, token, target) for clause in rule.value)


def _holds(clause: Clause, token: Token, target: Target | None) -> bool:
    if clause.role is not None:
        ranks = _RANKS.get(clause.role, frozenset({clause.role}))
        if ranks.isdisjoint(token.roles):
            return False
    match clause.where:
        case Where.ANYWHERE:
            return True
        case Where.SYSTEM:
            return token.system
        case Where.SOME_PROJECT:
            theirs = target.project_id if target else None
            return bool(token.project_id) and (theirs in (None, token.project_id) or token.is_admin)
        case Where.SOME_DOMAIN:
            return bool(token.domain_id)
        case Where.OWNER:
            return target is None or token.user_id in target.user_ids
        case Where.DOMAIN:
            held, wanted = token.domain_id, target and target.domain_id
        case Where.PROJECT:
            held, wanted = token.project_id, target and target.project_id
        case Where.PROJECT_WITHIN:
            held, wanted = token.project_domain_id, target and target.domain_id
    return bool(held) and (target is None or held == wanted)


class Permissions:
    """
    A service's table as the router asks it.  A permission that is not in the table is a defect and
    is refused.
    """

    def __init__(self, table: Mapping[str, Rule]) -> None:
        self.table = table

    def __call__(self, permission: str, token: Token, target: Target | None = None) -> bool:
        rule = self.table.get(permission)
        return rule is not None and allows(rule, token, target)
