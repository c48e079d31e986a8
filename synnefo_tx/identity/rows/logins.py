"""
What a login or a token check needs to know.

These run at every login and validation, so their statements are built once.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Connection,
    RowMapping,
    Table,
    bindparam,
    or_,
    select,
)

from synnefo_tx.identity.model import Domain, Project, Scope, User
from synnefo_tx.identity.rows.accounts import find_domain
from synnefo_tx.identity.rows.effective import roles_on_domain, roles_on_project, roles_on_system
from synnefo_tx.identity.rows.tables import domains, projects, users
from synnefo_tx.identity.rules.login import (
    DomainWanted,
    Known,
    Login,
    ScopeWanted,
    Special,
    Wanted,
)
from synnefo_tx.identity.token import Token

_STANDING = (
    select(users, domains)
    .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    .join(domains, domains.c.id == users.c.domain_id)
    .where(users.c.id == bindparam("user_id"))
)
_PLACE = (
    select(projects, domains)
    .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    .join(domains, domains.c.id == projects.c.domain_id)
    .where(projects.c.id == bindparam("project_id"))
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
    A user, and a scope as the user may use it (None: no such thing, or none was asked for).
    """

    user: User
    user_domain: Domain
    scope: Scope | None = None


def standing(connection: Connection, user_id: str) -> Standing | None:
    """
    The user.  None: no such user.
    """
    row = connection.execute(_STANDING, {"user_id": user_id}).mappings().first()
    if row is None:
        return None
    return Standing(User(**_part(users, row)), Domain(**_part(domains, row)))


def standing_of(connection: Connection, token: Token) -> Standing | None:
    """
    The user of a token and its scope, as they are now.
    """
    found = standing(connection, token.user_id)
    if found is None:
        return None
    scope = None
    if token.project_id:
        scope = project_scope(connection, token.user_id, token.project_id)
    elif token.domain_id:
        scope = domain_scope(connection, token.user_id, token.domain_id)
    elif token.system:
        scope = system_scope(connection, token.user_id)
    return evolve(found, scope=scope)


def project_scope(connection: Connection, user_id: str, project_id: str) -> Scope | None:
    """
    The project with the user's roles on it in effect.  None: no such project.
    """
    row = connection.execute(_PLACE, {"project_id": project_id}).mappings().first()
    if row is None:
        return None
    return Scope(
        Project(**_part(projects, row)),
        Domain(**_part(domains, row)),
        roles_on_project(connection, user_id, project_id),
    )


def domain_scope(connection: Connection, user_id: str, domain_id: str) -> Scope | None:
    """
    The domain with the user's roles on it.  None: no such domain.
    """
    domain = find_domain(connection, domain_id=domain_id)
    if domain is None:
        return None
    return Scope(None, domain, roles_on_domain(connection, user_id, domain_id))


def system_scope(connection: Connection, user_id: str) -> Scope:
    """
    The system with the user's roles on it.
    """
    return Scope(None, None, roles_on_system(connection, user_id))


def known(connection: Connection, login: Login, token_user_id: str | None) -> Known:
    """
    The accounts that `login` names.  token_user_id: whose token it shows, if any.
    """
    user = _user(connection, login, token_user_id)
    if user is None:
        return Known()
    user_id, home = user
    found = standing(connection, user_id)
    if found is None:
        return Known()
    if login.scope is Special.DEFAULT:
        at_home = project_scope(connection, user_id, home) if home else None
        return Known(found.user, found.user_domain, home=at_home)
    scope = _scope(connection, user_id, login.scope)
    return Known(found.user, found.user_domain, scope=scope)


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


def _scope(connection: Connection, user_id: str, wanted: ScopeWanted) -> Scope | None:
    match wanted:
        case Special.SYSTEM:
            return system_scope(connection, user_id)
        case DomainWanted():
            domain = find_domain(connection, domain_id=wanted.id, name=wanted.name)
            return domain_scope(connection, user_id, domain.id) if domain else None
        case Wanted():
            project_id = _project(connection, wanted)
            return project_scope(connection, user_id, project_id) if project_id else None
        case _:
            return None


def _project(connection: Connection, wanted: Wanted) -> str | None:
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


def _part(table: Table, row: RowMapping) -> dict[str, Any]:
    return {column.name: row[column] for column in table.c}
