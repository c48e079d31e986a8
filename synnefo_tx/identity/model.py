"""
Accounts as the rest of identity sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

Extra = Mapping[str, Any]


@frozen
class Domain:
    id: str
    name: str
    description: str
    enabled: bool
    options: Extra = field(factory=dict, eq=False)
    extra: Extra = field(factory=dict, eq=False)


@frozen
class Project:
    """
    parent_id: of the project above, or of the domain.
    """

    id: str
    name: str
    domain_id: str
    description: str
    enabled: bool
    parent_id: str = ""
    options: Extra = field(factory=dict, eq=False)
    extra: Extra = field(factory=dict, eq=False)


@frozen
class User:
    """
    password_hash is an Argon2 string and never leaves identity; None: no password.  Times are
    seconds since the epoch.  password_own: the user has set it, not an administrator.
    """

    id: str
    name: str
    domain_id: str
    enabled: bool
    default_project_id: str | None
    password_hash: str | None = field(repr=False)
    created_at: int = 0
    password_created_at: int = 0
    password_expires_at: int | None = None
    last_active_at: int | None = None
    failed_logins: int = 0
    failed_login_at: int | None = None
    password_own: bool = False
    options: Extra = field(factory=dict, eq=False)
    extra: Extra = field(factory=dict, eq=False)


@frozen
class Role:
    """
    domain_id: "" for a role of the whole cloud.
    """

    id: str
    name: str
    domain_id: str = ""
    description: str | None = None
    options: Extra = field(factory=dict, eq=False)
    extra: Extra = field(factory=dict, eq=False)


@frozen
class Named:
    """
    Something by id, with its name, and with its domain when it belongs to one.
    """

    id: str
    name: str = ""
    domain_id: str = ""
    domain_name: str = ""


@frozen
class Assignment:
    """
    `role` of `actor` on `target`.

    actor_kind: "user" or "group".  target_kind: "project", "domain" or "system".  inherited: it
    holds below the target, not on it.

    In a list of effective ones, source is the one that is stored, and prior_role_id names the role
    that implies this one.
    """

    actor_kind: str
    actor: Named
    target_kind: str
    target: Named
    role: Named
    inherited: bool = False
    source: Assignment | None = None
    prior_role_id: str = ""


@frozen
class Scope:
    """
    What a user may work with, and the roles held there, by name: a project (and its domain), a
    domain, or the system (neither).
    """

    project: Project | None
    domain: Domain | None
    roles: tuple[Role, ...]

    @property
    def open(self) -> bool:
        """
        Whether tokens may be issued for it.
        """
        closed = self.project is not None and not self.project.enabled
        closed = closed or (self.domain is not None and not self.domain.enabled)
        return bool(self.roles) and not closed


@frozen
class AccessRule:
    """
    A call that an application credential is good for.  service: a type of the catalog.  path: with
    "*", "**" and "{name}".
    """

    id: str
    service: str
    method: str
    path: str


@frozen
class ApplicationCredential:
    """
    A right to log in to a project without a password.

    expires_at: microseconds since the epoch; None: never.  role_ids: as given; what of them its
    user still holds is what it is good for.  access_rules: none means any call.
    """

    id: str
    name: str
    user_id: str
    project_id: str
    secret_hash: str = field(repr=False)
    unrestricted: bool = False
    expires_at: int | None = None
    role_ids: frozenset[str] = frozenset()
    access_rules: tuple[AccessRule, ...] = ()


@frozen
class Trust:
    """
    What the trustor lets the trustee do in a project.  expires_at: seconds.  remaining_uses: None
    is any number.  origin_id: the user with whom a chain of trusts began; chain: all users of that
    chain; sound: none of them is disabled, and no trust of it is gone.
    """

    id: str
    trustor_id: str
    trustee_id: str
    project_id: str | None
    impersonation: bool
    expires_at: int | None = None
    remaining_uses: int | None = None
    role_ids: frozenset[str] = frozenset()
    origin_id: str = ""
    chain: tuple[str, ...] = ()
    sound: bool = True


class RevocationKind(StrEnum):
    """
    What a revocation names.
    """

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    USER = "user"
    PROJECT = "project"
    DOMAIN = "domain"
    GRANT = "grant"
    ROLE = "role"
    IMPLIED = "implied"
    APPLICATION_CREDENTIAL = "app_credential"
    TRUST = "trust"


def short(name: str) -> str:
    """
    The name of a role, or what stands for it in the subject of a revocation: 64 letters at most.
    """
    if len(name) <= 64 and "/" not in name:
        return name
    return hashlib.sha256(name.encode()).hexdigest()


@frozen
class Revocation:
    """
    Tokens of `subject` issued at or before `issued_before` are worth nothing.

    subject: the audit id of a TOKEN, the id of a USER, PROJECT or DOMAIN, "user/project" (or
    "user/domain", "user/all" for the system) of a GRANT, the name of a ROLE (`short` when it is
    long), and "prior/implied" for an IMPLIED one: tokens with both; those by trust or application
    credential with the second alone are of "/implied".  Times are whole seconds; after expires_at
    no such token can still be alive.
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
