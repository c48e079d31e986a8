"""
The decision about a login: who asks, what is known, and the token to give.

Source: Keystone's keystone/auth and keystone/api/_shared/authentication.py, release 2026.1.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.model import Domain, Scope, User


@frozen
class DomainWanted:
    """
    A domain by name or by id.
    """

    id: str | None
    name: str | None


@frozen
class Wanted:
    """
    A user or a project, by id or by name within a domain; the name wins.
    """

    id: str | None
    name: str | None
    domain: DomainWanted | None


class Special(Enum):
    """
    Scopes that name nothing.  NEVER is one that nobody here holds.
    """

    DEFAULT = "the user's default project, if there is one"
    UNSCOPED = "none"
    SYSTEM = "the system"
    NEVER = "a trust"


ScopeWanted = Wanted | DomainWanted | Special  # a project, a domain, or something else


@frozen
class Login:
    """
    A request for a token.  token: the text of one already held.
    """

    methods: tuple[str, ...]
    user: Wanted | None
    password: str | None
    token: str | None
    scope: ScopeWanted


@frozen
class Known:
    """
    Who asks and for what.  None: no such thing.

    scope: what was asked for, as the user may use it.  home: the user's default project.
    """

    user: User | None = None
    user_domain: Domain | None = None
    scope: Scope | None = None
    home: Scope | None = None


@frozen
class Grant:
    """
    Who gets a token, and for what (None: nothing).
    """

    user: User
    user_domain: Domain
    scope: Scope | None


def decide(login: Login, known: Known, password_right: bool, token_user_id: str | None) -> Grant:
    """
    The token to give.  Raises NotAuthenticated, always with the same words.

    token_user_id: whose valid token was shown, None when none was.
    """
    user, domain = known.user, known.user_domain
    if user is None or domain is None or not login.methods:
        raise NotAuthenticated
    if login.user is not None and not password_right:
        raise NotAuthenticated
    if token_user_id is not None and token_user_id != user.id:
        raise NotAuthenticated
    if not (user.enabled and domain.enabled):
        raise NotAuthenticated
    if login.scope is Special.NEVER:
        raise NotAuthenticated
    if login.scope is Special.UNSCOPED:
        return Grant(user, domain, None)
    if login.scope is Special.DEFAULT:
        home = known.home
        return Grant(user, domain, home if home is not None and home.open else None)
    if known.scope is None or not known.scope.open:
        raise NotAuthenticated
    return Grant(user, domain, known.scope)
