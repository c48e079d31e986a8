"""
What a login or a token check needs to know.

These run at every login and validation, so their statements are built once.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    or_,
    select,
)

from synnefo_tx.identity.model import (
    ApplicationCredential,
    Domain,
    Project,
    Scope,
    Trust,
    User,
)
from synnefo_tx.identity.rows.accounts import find_domain
from synnefo_tx.identity.rows.application_credentials import credential, credential_named
from synnefo_tx.identity.rows.effective import roles_on_domain, roles_on_project, roles_on_system
from synnefo_tx.identity.rows.second_factors import sealed_factors
from synnefo_tx.identity.rows.tables import domains, projects, users
from synnefo_tx.identity.rows.trusted import trust_of, trusted_roles
from synnefo_tx.identity.rules.login import (
    CredentialWanted,
    DomainWanted,
    Known,
    Login,
    ScopeWanted,
    Special,
    TrustWanted,
    Wanted,
)
from synnefo_tx.identity.token import Token
from synnefo_tx.store.prepared import Prepared

_USER_FIELDS, _PROJECT_FIELDS, _DOMAIN_FIELDS = (
    tuple(column.name for column in table.c) for table in (users, projects, domains)
)


def _with_domain(table: Table) -> Select[Any]:
    return (
        select(table, domains)
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        .join(domains, domains.c.id == table.c.domain_id)
    )


def _called(table: Table) -> ColumnElement[bool]:
    here = or_(domains.c.id == bindparam("domain_id"), domains.c.name == bindparam("domain_name"))
    return and_(table.c.name == bindparam("name"), here)


_USER = Prepared(_with_domain(users).where(users.c.id == bindparam("id")))
_USER_NAMED = Prepared(_with_domain(users).where(_called(users)))
_PROJECT = Prepared(_with_domain(projects).where(projects.c.id == bindparam("id")))
_PROJECT_NAMED = Prepared(_with_domain(projects).where(_called(projects)))


@frozen
class Standing:
    """
    A user, and a scope as the user may use it (None: no such thing, or none was asked for).
    """

    user: User
    user_domain: Domain
    scope: Scope | None = None
    credential: ApplicationCredential | None = None
    trust: Trust | None = None


def standing(connection: Connection, user_id: str) -> Standing | None:
    """
    The user.  None: no such user.
    """
    return _user(connection, Wanted(user_id, None, None))


def standing_of(connection: Connection, token: Token) -> Standing | None:
    """
    The user of a token and its scope, as they are now.
    """
    found = standing(connection, token.user_id)
    if found is None:
        return None
    if token.application_credential_id:
        held = credential(connection, token.application_credential_id)
        if held is None:
            return None
        return evolve(found, scope=credential_scope(connection, held), credential=held)
    if token.trust_id:
        trust = trust_of(connection, token.trust_id)
        if trust is None or not trust.sound:
            return None
        return evolve(found, scope=trust_scope(connection, trust), trust=trust)
    return evolve(found, scope=_scope_of(connection, token))


def _scope_of(connection: Connection, token: Token) -> Scope | None:
    if token.project_id:
        return project_scope(connection, token.user_id, token.project_id)
    if token.domain_id:
        return domain_scope(connection, token.user_id, token.domain_id)
    return system_scope(connection, token.user_id) if token.system else None


def project_scope(connection: Connection, user_id: str, project_id: str) -> Scope | None:
    """
    The project with the user's roles on it in effect.  None: no such project.
    """
    return _project_scope(connection, user_id, Wanted(project_id, None, None))


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


def credential_scope(connection: Connection, held: ApplicationCredential) -> Scope | None:
    """
    The project of an application credential, with those of its roles that its user still has.
    """
    scope = project_scope(connection, held.user_id, held.project_id)
    return scope and evolve(
        scope, roles=tuple(role for role in scope.roles if role.id in held.role_ids)
    )


def trust_scope(connection: Connection, trust: Trust) -> Scope | None:
    """
    The project of a trust with the roles handed on, as long as its first trustor has them all.
    """
    if trust.project_id is None:
        return None
    scope = project_scope(connection, trust.origin_id, trust.project_id)
    return scope and evolve(scope, roles=trusted_roles(connection, trust, scope.roles))


def known(connection: Connection, login: Login, shown: Token | None) -> Known:
    """
    The accounts that `login` names.  shown: what its token is, if it has one.
    """
    held = _credential(connection, login, shown)
    found = _user_of_all(connection, login, shown, held)
    if found is None:
        return Known()
    user_id, home = found.user.id, found.user.default_project_id
    told = Known(
        found.user,
        found.user_domain,
        credential=held,
        totp=sealed_factors(connection, user_id) if login.totp_user else (),
    )
    if held is not None:
        return evolve(told, scope=credential_scope(connection, held))
    if isinstance(login.scope, TrustWanted):
        return _with_trust(connection, told, login.scope.id)
    if login.scope is Special.DEFAULT:
        return evolve(told, home=project_scope(connection, user_id, home) if home else None)
    return evolve(told, scope=_scope(connection, user_id, login.scope))


def bearer_of(
    connection: Connection, user_id: str, project_id: str, trust_id: str, credential_id: str
) -> tuple[Login, Known]:
    """
    The login that an EC2 credential stands for.  trust_id, credential_id: by which it was made, or
    "".  One by a trust is used by the trustee, whoever it names.
    """
    scope: ScopeWanted = Wanted(project_id, None, None)
    wanted = None
    if trust_id:
        trust = trust_of(connection, trust_id)
        user_id = trust.trustee_id if trust and trust.project_id == project_id else ""
        scope = TrustWanted(trust_id)
    elif credential_id:
        scope = Special.DEFAULT
        wanted = CredentialWanted(credential_id, None, None, None)
    login = Login((), Wanted(user_id, None, None), None, None, scope, wanted)
    told = known(connection, login, None)
    if told.credential is not None and told.credential.project_id != project_id:
        return login, Known()
    return login, told


def _with_trust(connection: Connection, told: Known, trust_id: str) -> Known:
    trust = trust_of(connection, trust_id)
    trustor = standing(connection, trust.trustor_id) if trust else None
    if trust is None or trustor is None:
        return told
    return evolve(
        told,
        scope=trust_scope(connection, trust),
        trust=trust,
        trustor=trustor.user,
        trustor_domain=trustor.user_domain,
    )


def _credential(
    connection: Connection, login: Login, shown: Token | None
) -> ApplicationCredential | None:
    """
    The application credential that the login shows, or by which its token was given.
    """
    wanted = login.credential
    if wanted is None:
        held_id = shown.application_credential_id if shown else ""
        return credential(connection, held_id) if held_id else None
    if wanted.id:
        return credential(connection, wanted.id)
    user = _user(connection, wanted.user) if wanted.user else None
    return credential_named(connection, user.user.id, wanted.name or "") if user else None


def _user_of_all(
    connection: Connection,
    login: Login,
    shown: Token | None,
    held: ApplicationCredential | None,
) -> Standing | None:
    """
    The one user whom all methods name.
    """
    named = [_user(connection, one) for one in (login.user, login.totp_user) if one is not None]
    if shown is not None:
        named.append(standing(connection, shown.user_id))
    if login.credential is not None or (shown and shown.application_credential_id):
        named.append(standing(connection, held.user_id) if held else None)
    return named[0] if len({one and one.user.id for one in named}) == 1 else None


def _user(connection: Connection, wanted: Wanted) -> Standing | None:
    row = _row(connection, _USER, _USER_NAMED, wanted)
    if row is None:
        return None
    user, domain = _parts(row, _USER_FIELDS)
    return Standing(User(**user), Domain(**domain))


def _project_scope(connection: Connection, user_id: str, wanted: Wanted) -> Scope | None:
    row = _row(connection, _PROJECT, _PROJECT_NAMED, wanted)
    if row is None:
        return None
    project, domain = _parts(row, _PROJECT_FIELDS)
    there = Project(**project)
    return Scope(there, Domain(**domain), roles_on_project(connection, user_id, there.id))


def _scope(connection: Connection, user_id: str, wanted: ScopeWanted) -> Scope | None:
    match wanted:
        case Special.SYSTEM:
            return system_scope(connection, user_id)
        case DomainWanted():
            domain = find_domain(connection, domain_id=wanted.id, name=wanted.name)
            return domain_scope(connection, user_id, domain.id) if domain else None
        case Wanted():
            return _project_scope(connection, user_id, wanted)
        case _:
            return None


def _row(
    connection: Connection, by_id: Prepared, by_name: Prepared, wanted: Wanted
) -> list[Any] | None:
    if wanted.name is None or wanted.domain is None:
        return by_id.first(connection, {"id": wanted.id})
    return by_name.first(connection, _named(wanted.name, wanted.domain))


def _named(name: str, domain: DomainWanted) -> dict[str, str | None]:
    """
    The name of a domain goes before its id, when both are given.
    """
    return {
        "name": name,
        "domain_name": domain.name or None,
        "domain_id": None if domain.name else domain.id,
    }


def _parts(row: list[Any], first: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    The columns of the first table, and those of its domain.
    """
    there = len(first)
    return (
        dict(zip(first, row[:there], strict=True)),
        dict(zip(_DOMAIN_FIELDS, row[there:], strict=True)),
    )
