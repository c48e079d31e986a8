"""
Every provider of the settings, ready to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import frozen

from synnefo_tx.cluster.rapi import pinned_client
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.people.external.errors import NoSuchProvider
from synnefo_tx.people.external.fetching import Fetcher
from synnefo_tx.people.external.ldap.directory import Directory
from synnefo_tx.people.external.ldap.sweep import Sweep
from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.oidc.client import OidcClient
from synnefo_tx.people.external.settings import AccountRules, LogIn
from synnefo_tx.people.external.settle import Settle


@frozen
class Providers:
    """
    By their names in the settings.
    """

    oidc: Mapping[str, OidcClient]
    ldap: Mapping[str, DirectoryUsers]

    @classmethod
    def of(cls, settings: LogIn, reactor: Any, clock: Callable[[], float]) -> Providers:
        """
        Reads the secrets, which blocks.  Raises OSError.
        """
        oidc, ldap = {}, {}
        for name, provider in settings.oidc.items():
            fetcher = Fetcher(pinned_client(reactor, provider.ca_file), reactor)
            secret = _secret(provider.client_secret_file)
            oidc[name] = OidcClient.of(name, provider, secret, fetcher, clock)
        for name, directory in settings.ldap.items():
            secret = _secret(directory.bind_password_file)
            ldap[name] = DirectoryUsers(name, Directory(directory, secret), reactor)
        return cls(oidc, ldap)

    @cached_property
    def rules(self) -> Mapping[str, AccountRules]:
        """
        Of all, by the names that accounts have for them: "oidc:work", "ldap:uni".
        """
        found = {f"oidc:{name}": one.settings.accounts for name, one in self.oidc.items()}
        return found | {one.provider: one.settings.accounts for one in self.ldap.values()}

    def openid(self, name: str) -> OidcClient:
        """
        Raises NoSuchProvider.
        """
        if name not in self.oidc:
            raise NoSuchProvider(name)
        return self.oidc[name]

    def directory(self, name: str) -> DirectoryUsers:
        """
        Raises NoSuchProvider.
        """
        if name not in self.ldap:
            raise NoSuchProvider(name)
        return self.ldap[name]

    def directory_of(self, domain_id: str) -> DirectoryUsers | None:
        """
        What knows the passwords of a domain; None: we do.
        """
        for users in self.ldap.values():
            if users.settings.accounts.domain_id == domain_id:
                return users
        return None

    def services(self, settle: Settle, reactor: Any) -> list[DirectoryUsers | Sweep]:
        """
        What must be started before anybody is asked.
        """
        sweeps = [Sweep(users, settle, reactor) for users in self.ldap.values()]
        return [*self.ldap.values(), *sweeps]


def _secret(path: str | None) -> str | None:
    return None if path is None else secret_in(Path(path))
