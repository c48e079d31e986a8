"""
Keystone's password method for the users of a directory.
"""

from __future__ import annotations

from attrs import define
from twisted.logger import Logger
from zope.interface import implementer

from synnefo_tx.errors import DomainError
from synnefo_tx.identity.elsewhere import IPasswordsElsewhere
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows.accounts import find_domain
from synnefo_tx.identity.rules.login import Wanted
from synnefo_tx.people.external.errors import ProviderAway
from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.settle import Settle


@implementer(IPasswordsElsewhere)
@define(eq=False)
class DirectoryPasswords:
    """
    Users of a directory's domain who have no password of ours.
    """

    _providers: Providers
    _settle: Settle
    _log = Logger()

    async def account(self, wanted: Wanted, user: User | None) -> str:
        if user is not None and user.password_hash is not None:
            return ""
        directory = await self._directory(wanted, user)
        if directory is None:
            return ""
        return directory.account((user.name if user is not None else wanted.name) or "")

    async def right(self, wanted: Wanted, user: User | None, password: str) -> bool:
        directory = await self._directory(wanted, user)
        name = user.name if user is not None else wanted.name
        if directory is None or name is None:
            return False
        try:
            person = await directory.person(name, password, exact=True)
        except ProviderAway as error:
            self._log.error(
                "{name} is away: {reason}", name=directory.provider, reason=error.reason
            )
            raise
        if person is None:
            return False
        try:
            settled = await self._settle(person, directory.settings.accounts)
        except DomainError as error:
            self._log.warn(
                "a user of {name} has no account here: {reason}",
                name=directory.provider,
                reason=type(error).__name__,
            )
            return False
        return user is None or settled.user_id == user.id

    async def _directory(self, wanted: Wanted, user: User | None) -> DirectoryUsers | None:
        if not self._providers.ldap:
            return None
        if user is not None:
            return self._providers.directory_of(user.domain_id)
        if wanted.domain is None or wanted.name is None:
            return None
        named = (
            {"name": wanted.domain.name} if wanted.domain.name else {"domain_id": wanted.domain.id}
        )
        domain = await self._settle.database.read(find_domain, **named)
        return self._providers.directory_of(domain.id) if domain is not None else None
