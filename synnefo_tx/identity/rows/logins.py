"""
What a login needs to know, in one read.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.identity.model import Domain, Project, User
from synnefo_tx.identity.rows import accounts
from synnefo_tx.identity.rules.login import DomainWanted, Known, Login, Wanted


def known(connection: Connection, login: Login, token_user_id: str | None) -> Known:
    """
    The accounts that `login` names.  token_user_id: whose token it shows, if any.
    """
    user = _user(connection, login, token_user_id)
    if user is None:
        return Known()
    project = _project(connection, login.scope) if isinstance(login.scope, Wanted) else None
    home = user.default_project_id
    return Known(
        user,
        accounts.find_domain(connection, domain_id=user.domain_id),
        accounts.scope_of(connection, user.id, project.id) if project else None,
        accounts.scope_of(connection, user.id, home) if home else None,
    )


def _user(connection: Connection, login: Login, token_user_id: str | None) -> User | None:
    if login.user is None:
        return accounts.find_user(connection, token_user_id) if token_user_id else None
    if login.user.name is None or login.user.domain is None:
        return accounts.find_user(connection, login.user.id or "")
    domain = _domain(connection, login.user.domain)
    return accounts.find_user_named(connection, domain.id, login.user.name) if domain else None


def _project(connection: Connection, wanted: Wanted) -> Project | None:
    if wanted.name is None or wanted.domain is None:
        return accounts.find_project(connection, wanted.id or "")
    domain = _domain(connection, wanted.domain)
    return accounts.find_project_named(connection, domain.id, wanted.name) if domain else None


def _domain(connection: Connection, wanted: DomainWanted) -> Domain | None:
    if wanted.name:
        return accounts.find_domain(connection, name=wanted.name)
    return accounts.find_domain(connection, domain_id=wanted.id or "")
