"""
Accounts as the rest of identity sees them.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


@frozen
class Domain:
    id: str
    name: str
    description: str
    enabled: bool


@frozen
class Project:
    id: str
    name: str
    domain_id: str
    description: str
    enabled: bool


@frozen
class User:
    """
    password_hash is an Argon2 string and never leaves identity.
    """

    id: str
    name: str
    domain_id: str
    enabled: bool
    default_project_id: str | None
    password_hash: str


@frozen
class Role:
    id: str
    name: str


@frozen
class Assignment:
    """
    `role` of `user` on `project`, with the domains of both.
    """

    user: User
    user_domain: Domain
    project: Project
    project_domain: Domain
    role: Role


@frozen
class Scope:
    """
    A project that a user may work in, and the roles held there, by name.
    """

    project: Project
    domain: Domain
    roles: tuple[Role, ...]

    @property
    def open(self) -> bool:
        """
        Whether tokens may be issued for it.
        """
        return self.project.enabled and self.domain.enabled and bool(self.roles)


class RevocationKind(StrEnum):
    """
    What a revocation names.
    """

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    USER = "user"
    PROJECT = "project"
    DOMAIN = "domain"
    GRANT = "grant"


@frozen
class Revocation:
    """
    Tokens of `subject` issued at or before `issued_before` are worth nothing.

    subject: the audit id of a TOKEN, the id of a USER, PROJECT or DOMAIN, "user/project" of a
    GRANT.  Times are whole seconds; after expires_at no such token can still be alive.
    """

    kind: RevocationKind
    subject: str
    issued_before: int
    expires_at: int


@frozen
class Disabled:
    """
    Ids of what may not be used at present.
    """

    users: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
