"""
What a login or a token check needs to know.

These run at every login and validation, so their statements are built once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, FromClause, bindparam, or_, select

from synnefo_tx.identity.model import Domain, Project, Role, Scope, User
from synnefo_tx.identity.rows.tables import assignments, domains, projects, roles, users
from synnefo_tx.identity.rules.login import DomainWanted, Known, Login, Special, Wanted

_user_domains, _project_domains = domains.alias(), domains.alias()
_PARTS: tuple[FromClause, ...] = (users, _user_domains, projects, _project_domains, roles)
_NAMES = tuple(tuple(column.name for column in part.c) for part in _PARTS)
_STANDING = (
    select(*(column for part in _PARTS for column in part.c))
    .select_from(users)
    .join(_user_domains, _user_domains.c.id == users.c.domain_id)
    .outerjoin(projects, projects.c.id == bindparam("project_id"))
    .outerjoin(_project_domains, _project_domains.c.id == projects.c.domain_id)
    .outerjoin(
        assignments,
        (assignments.c.user_id == users.c.id) & (assignments.c.project_id == projects.c.id),
    )
    .outerjoin(roles, roles.c.id == assignments.c.role_id)
    .where(users.c.id == bindparam("user_id"))
    .order_by(roles.c.name)
)
_USER_NAMED = (
    select(users.c.id, users.c.default_project_id)
    .join(domains, domains.c.id == users.c.domain_id)
    .where(
        users.c.name == bindparam("name"),
        or_(domains.c.id == bindparam("domain_id"), domains.c.name == bindparam("domain_name")),
    )
)
_USER = select(users.c.id, users.c.default_project_id).where(users.c.id == bindparam("id"))
_PROJECT_NAMED = (
    select(projects.c.id)
    .join(domains, domains.c.id == projects.c.domain_id)
    .where(
        projects.c.name == bindparam("name"),
        or_(domains.c.id == bindparam("domain_id"), domains.c.name == bindparam("domain_name")),
    )
)


@frozen
class Standing:
    """
    A user, and a project as the user may use it (None: no such project).
    """

    user: User
    user_domain: Domain
    scope: Scope | None


def standing(connection: Connection, user_id: str, project_id: str) -> Standing | None:
    """
    How the user stands towards the project, by one statement.  None: no such user.
    """
    rows = connection.execute(_STANDING, {"user_id": user_id, "project_id": project_id}).all()
    if not rows:
        return None
    user, user_domain, project, project_domain, _ = _parted(rows[0])
    scope = None
    if project["id"] is not None:
        held = [_parted(row)[4] for row in rows]
        scope = Scope(
            Project(**project),
            Domain(**project_domain),
            tuple(Role(**role) for role in held if role["id"] is not None),
        )
    return Standing(User(**user), Domain(**user_domain), scope)


def known(connection: Connection, login: Login, token_user_id: str | None) -> Known:
    """
    The accounts that `login` names.  token_user_id: whose token it shows, if any.
    """
    user = _user(connection, login, token_user_id)
    if user is None:
        return Known()
    user_id, home = user
    project_id = home if login.scope is Special.DEFAULT else _project(connection, login.scope)
    found = standing(connection, user_id, project_id or "")
    if found is None:
        return Known()
    if login.scope is Special.DEFAULT:
        return Known(found.user, found.user_domain, home=found.scope)
    return Known(found.user, found.user_domain, scope=found.scope)


def _user(
    connection: Connection, login: Login, token_user_id: str | None
) -> tuple[str, str | None] | None:
    wanted = login.user
    if wanted is not None and wanted.name is not None and wanted.domain is not None:
        row = connection.execute(_USER_NAMED, _named(wanted.name, wanted.domain)).first()
    else:
        user_id = token_user_id if wanted is None else wanted.id
        row = connection.execute(_USER, {"id": user_id}).first()
    return (row.id, row.default_project_id) if row else None


def _project(connection: Connection, wanted: Wanted | Special) -> str | None:
    if isinstance(wanted, Special):
        return None
    if wanted.name is None or wanted.domain is None:
        return wanted.id
    row = connection.execute(_PROJECT_NAMED, _named(wanted.name, wanted.domain)).first()
    return row.id if row else None


def _named(name: str, domain: DomainWanted) -> dict[str, str | None]:
    """
    The name of a domain goes before its id, when both are given.
    """
    return {
        "name": name,
        "domain_name": domain.name or None,
        "domain_id": None if domain.name else domain.id,
    }


def _parted(row: Sequence[Any]) -> list[dict[str, Any]]:
    """
    A row of _STANDING, cut into its tables, each by column names.
    """
    values = iter(row)
    return [{name: next(values) for name in names} for names in _NAMES]
