"""
What the provider speaks of.  Times are seconds since the epoch.
"""

from __future__ import annotations

import msgspec
from attrs import field, frozen

SCOPES = {
    "openid": "know who you are",
    "profile": "see your name",
    "email": "see your e-mail address",
    "offline_access": "keep its access while you are away",
}
NONE, BASIC, POST = "none", "client_secret_basic", "client_secret_post"
AUTH_METHODS = (BASIC, POST, NONE)


@frozen
class Client:
    """
    A web application.  auth_method: how it shows at the token endpoint who it is.  trusted: the
    cloud's own, for which users aren't asked for consent.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    auth_method: str
    secret_digest: str | None = field(repr=False)
    may_introspect: bool
    trusted: bool
    enabled: bool

    @property
    def public(self) -> bool:
        """
        It can keep no secret.
        """
        return self.auth_method == NONE


class Wish(msgspec.Struct, frozen=True):
    """
    A checked request for a code.  prompts: what the user must be asked.  max_age: of the log-in,
    seconds.
    """

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str = ""


@frozen
class Session:
    """
    Somebody logged in with a browser.
    """

    digest: str
    user_id: str
    user_name: str
    methods: tuple[str, ...]
    logged_in_at: int


@frozen
class Person:
    """
    Of whom a grant is.  details: attributes beside the columns.  email_verified: the address in
    them is one that the person has shown to read.
    """

    id: str
    name: str
    details: dict[str, object]
    email_verified: bool = False


@frozen
class Grant:
    """
    What a client was given, and by whom.
    """

    id: str
    client_id: str
    person: Person
    scopes: tuple[str, ...]
    methods: tuple[str, ...]
    nonce: str | None
    logged_in_at: int
    expires_at: int


@frozen
class Issued:
    """
    Fresh tokens, as their client gets them.
    """

    grant: Grant
    scopes: tuple[str, ...]
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


@frozen
class Held:
    """
    A token that is good, and what it is of.
    """

    kind: str
    grant: Grant
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
