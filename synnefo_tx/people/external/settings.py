"""
Settings of log-in by other providers: `[log_in.oidc.NAME]` and `[log_in.ldap.NAME]` in `api.toml`.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: the LDAP library goes by the address, whatever else it is told
LDAP_SCHEMES = {"starttls": "ldap", "ldaps": "ldaps", "none": "ldap"}


class RoleRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Who has `value` in the claim (or attribute) `claim` holds `role` on the project named `project`
    of the provider's domain, for as long as log-ins show it.
    """

    claim: str
    value: str
    project: str
    role: str = "member"


class AccountRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What accounts a provider makes here.

    domain_id: where they are.  create: whether an unknown person gets an account; else only those
    who have added this provider to theirs log in.  moderated: an administrator accepts each new
    account, as of those who sign up.  groups_claim: what lists the person's groups.
    groups: a group of theirs to the name of one of ours.  mirror_groups: those that are not named
    become groups of the same name, which the provider alone fills; never one that was here before.
    """

    domain_id: str = "default"
    create: bool = True
    moderated: bool = False
    groups_claim: str | None = None
    groups: dict[str, str] = {}
    mirror_groups: bool = False
    roles: tuple[RoleRule, ...] = ()


class OidcProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An OpenID Connect provider.

    issuer: exactly as it calls itself; http is taken for this machine alone.  client_secret_file:
    its first line; None: a client without a secret.  redirect_url: where the provider sends people
    back to; None: the API's own address for that.  algorithms: of signatures that are believed.
    clock_skew_s: how wrong the provider's clock may be.  userinfo: ask there for what the ID token
    does not tell.  name_claim: what accounts are named by.
    """

    issuer: str
    client_id: str
    client_secret_file: str | None = None
    client_auth: Literal["basic", "post"] = "basic"
    label: str = ""
    redirect_url: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    clock_skew_s: int = 60
    userinfo: bool = False
    name_claim: str = "preferred_username"
    ca_file: str | None = None
    accounts: AccountRules = AccountRules()

    def __post_init__(self) -> None:
        if not is_private(self.issuer):
            raise ValueError("an issuer is reached by https")
        if any(name == "none" or name.startswith("HS") for name in self.algorithms):
            raise ValueError("ID tokens are signed with a provider's own key")


class LdapDirectory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A directory that knows the users of a domain, and their passwords.

    urls: asked in their order, the next when one is away; ldaps://HOST with security "ldaps", else
    ldap://HOST.  security: "starttls" or "ldaps", or "none" for this machine.  bind_dn,
    bind_password_file: as whom we search; None: as nobody.
    user_filter, group_filter: what else must hold of them.  id_attribute: never changes, such as
    entryUUID.  group_member_attribute: DNs of members, in the group.  page_size: of answers, in
    entries.  timeout_s: of each answer.  slowest_s: a wrong log-in is answered after so long,
    whatever was wrong.  sweep_s: how often users who are gone there are disabled here.
    """

    urls: tuple[str, ...]
    user_base: str
    security: Literal["starttls", "ldaps", "none"] = "starttls"
    ca_file: str | None = None
    bind_dn: str | None = None
    bind_password_file: str | None = None
    user_filter: str = "(objectClass=inetOrgPerson)"
    id_attribute: str = "entryUUID"
    name_attribute: str = "uid"
    email_attribute: str = "mail"
    label: str = ""
    group_base: str | None = None
    group_filter: str = "(objectClass=groupOfNames)"
    group_name_attribute: str = "cn"
    group_member_attribute: str = "member"
    page_size: int = 500
    timeout_s: int = 5
    slowest_s: float = 0.5
    sweep_s: float = 600.0
    accounts: AccountRules = AccountRules(mirror_groups=True)

    def __post_init__(self) -> None:
        secure = self.security != "none"
        if not self.urls or not all(secure or is_local(url) for url in self.urls):
            raise ValueError("a directory elsewhere is asked by starttls or ldaps")
        scheme = LDAP_SCHEMES[self.security]
        parts = [urlsplit(url) for url in self.urls]
        if not all(one.scheme == scheme and one.hostname for one in parts):
            raise ValueError(f"with security {self.security}, URLs are {scheme}://HOST")


class LogIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Every provider by its name, which stays: accounts are linked by it.
    """

    oidc: dict[str, OidcProvider] = {}
    ldap: dict[str, LdapDirectory] = {}


def is_local(url: str) -> bool:
    """
    Whether the URL is of this machine.
    """
    return urlsplit(url).hostname in LOOPBACK


def is_private(url: str) -> bool:
    """
    Whether nobody between can read what is sent to the URL.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_local(url)))
