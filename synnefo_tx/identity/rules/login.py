"""
The decision about a login: who asks, what is known, and the token to give.

Source: Keystone's keystone/auth and keystone/api/_shared/authentication.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from attrs import field, frozen

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.faults import METHODS, ActionForbidden, NotAdmitted
from synnefo_tx.identity.model import ApplicationCredential, Domain, Scope, Trust, User
from synnefo_tx.identity.token import Token


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


@frozen
class CredentialWanted:
    """
    An application credential, by id or by its user and name.
    """

    id: str | None
    name: str | None
    user: Wanted | None
    secret: str | None = field(repr=False)


@frozen
class TrustWanted:
    """
    A trust, as a scope.
    """

    id: str


class Special(Enum):
    """
    Scopes that name nothing.  NEVER is one that nobody holds.
    """

    DEFAULT = "the user's default project, if there is one"
    UNSCOPED = "none"
    SYSTEM = "the system"
    NEVER = "less than the system"


OPENID = "openid"  # a log-in by another provider; nobody names it in a request for a token
COUNTED = (*METHODS, OPENID)  # ways that rules for several factors may ask for
# A project, a domain, a trust, or something else
ScopeWanted = Wanted | DomainWanted | TrustWanted | Special


@frozen
class Login:
    """
    A request for a token.  user: of the password.  token: the text of one already held.
    """

    methods: tuple[str, ...]
    user: Wanted | None
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)
    scope: ScopeWanted
    credential: CredentialWanted | None = None
    totp_user: Wanted | None = None
    passcode: str | None = field(default=None, repr=False)


@frozen
class Known:
    """
    Who asks and for what.  None: no such thing, or not all methods name the same user.

    scope: what was asked for, as the user may use it.  home: the user's default project.
    trustor: whom a trust lets the user act as.  totp: ids of the user's second factors, and their
    secrets, sealed.  refused: why the user may not log in, though the secret be right; "": may.
    """

    user: User | None = None
    user_domain: Domain | None = None
    scope: Scope | None = None
    home: Scope | None = None
    credential: ApplicationCredential | None = None
    trust: Trust | None = None
    trustor: User | None = None
    trustor_domain: Domain | None = None
    totp: tuple[tuple[str, str], ...] = ()
    refused: str = ""


@frozen
class Grant:
    """
    Who gets a token, and for what (None: nothing), by which credential or trust.
    """

    user: User
    user_domain: Domain
    scope: Scope | None
    credential: ApplicationCredential | None = None
    trust: Trust | None = None


class MoreMethodsNeeded(Exception):
    """
    Who asks is known, and has to show more.  required: any one of these sets of methods.
    """

    def __init__(
        self, user: User, domain: Domain, methods: tuple[str, ...], required: list[list[str]]
    ) -> None:
        super().__init__("more ways to log in are needed")
        self.user = user
        self.domain = domain
        self.methods = methods
        self.required = required


def refuse_rescoping(shown: Token, wanted: ScopeWanted) -> None:
    """
    Raises ActionForbidden where one token does not lead to another.
    """
    if shown.trust_id:
        raise ActionForbidden(
            "Using trust-scoped token to create another token. Create a new trust-scoped token "
            "instead"
        )
    if shown.system and isinstance(wanted, (Wanted, DomainWanted)):
        raise ActionForbidden(
            "Using a system-scoped token to create a project-scoped or domain-scoped token is not "
            "allowed."
        )
    if shown.application_credential_id and wanted is not Special.DEFAULT:
        raise ActionForbidden(
            "Using an application credential token to create a scoped token is not allowed."
        )


def decide(
    login: Login,
    known: Known,
    proved: Collection[str],
    before: tuple[str, ...],
    now: float,
    *,
    by_person: bool = True,
) -> Grant:
    """
    The token to give.  Raises NotAuthenticated, always with the same words, MoreMethodsNeeded, and
    NotAdmitted once everything else was right.

    proved: the methods of the login that were right.  before: methods that were right earlier, as
    a token or a receipt tells.  now: seconds.  by_person: the user's rules for several factors
    hold; those of requests that a program has signed don't need them, as in Keystone.
    """
    user, domain = known.user, known.user_domain
    if user is None or domain is None or not login.methods:
        raise NotAuthenticated
    if not set(login.methods) <= set(proved):
        raise NotAuthenticated
    if not (domain.enabled and (user.enabled or known.refused)):
        raise NotAuthenticated
    if by_person:
        _enough(user, domain, tuple(dict.fromkeys(login.methods + before)))
    if known.refused:
        raise NotAdmitted(known.refused)
    if isinstance(login.scope, TrustWanted):
        return _trusted(known, user, domain, now)
    return Grant(user, domain, _scope(login, known, now), known.credential)


def _enough(user: User, domain: Domain, methods: tuple[str, ...]) -> None:
    """
    Whether the user's rules for several factors are satisfied.  An application credential is
    judged by them too, and methods that nobody offers don't count, as in Keystone.
    """
    named = user.options.get("multi_factor_auth_rules") or []
    rules = [rule for one in named if (rule := [way for way in one if way in COUNTED])]
    if not rules or not user.options.get("multi_factor_auth_enabled", True):
        return
    if not any(set(rule) <= set(methods) for rule in rules):
        raise MoreMethodsNeeded(user, domain, methods, rules)


def _scope(login: Login, known: Known, now: float) -> Scope | None:
    credential = known.credential
    if credential is not None:
        if login.scope is not Special.DEFAULT or ended(credential.expires_at, now * 1e6):
            raise NotAuthenticated
    elif login.scope is Special.UNSCOPED:
        return None
    elif login.scope is Special.DEFAULT:
        home = known.home
        return home if home is not None and home.open else None
    if known.scope is None or not known.scope.open:
        raise NotAuthenticated
    return known.scope


def _trusted(known: Known, user: User, domain: Domain, now: float) -> Grant:
    trust, trustor, home = known.trust, known.trustor, known.trustor_domain
    if trust is None or trustor is None or home is None or known.credential is not None:
        raise NotAuthenticated
    if trust.trustee_id != user.id or not trust.sound or ended(trust.expires_at, now):
        raise NotAuthenticated
    if trust.remaining_uses == 0 or not (trustor.enabled and home.enabled):
        raise NotAuthenticated
    if trust.project_id is not None and (known.scope is None or not known.scope.open):
        raise NotAuthenticated
    who = (trustor, home) if trust.impersonation else (user, domain)
    return Grant(*who, known.scope, trust=trust)


def ended(expires_at: int | None, now: float) -> bool:
    """
    Whether that is past.  Both in the same unit.
    """
    return expires_at is not None and expires_at <= now
