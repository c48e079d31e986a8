"""
Persons of a directory, looked up without holding up the reactor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread, deferToThreadPool
from twisted.python.threadpool import ThreadPool

from synnefo_tx.errors import Unavailable
from synnefo_tx.people.external.ldap.directory import LONGEST, Directory, Entry
from synnefo_tx.people.external.person import MOST_GROUPS, Person, person_of
from synnefo_tx.people.external.settings import LdapDirectory
from synnefo_tx.store.database import Defer

T = TypeVar("T")
THREADS = 8
MOST_WAITING = 64


@define(eq=False)
class DirectoryUsers:
    """
    The users of the directory `name`.  Its threads are its own: when it hangs, nothing else does.

    defer: runs what blocks; None: those threads.
    """

    name: str
    _directory: Directory
    _reactor: Any
    _defer: Defer | None = None
    _pool: ThreadPool = field(init=False)
    _waiting: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = ThreadPool(0, THREADS, name=f"ldap-{self.name}")

    @property
    def settings(self) -> LdapDirectory:
        return self._directory.settings

    @property
    def provider(self) -> str:
        return f"ldap:{self.name}"

    def startService(self) -> None:
        self._pool.start()

    def stopService(self) -> Deferred[None]:
        return deferToThread(self._pool.stop)  # it waits for those that wait for a directory

    def account(self, name: str) -> str:
        """
        By what wrong passwords are counted: names that a directory may take for one are one.
        """
        folded = unicodedata.normalize("NFKC", name[:LONGEST]).casefold()
        return f"{self.provider} {' '.join(folded.split())}"

    async def person(self, name: str, password: str, *, exact: bool = False) -> Person | None:
        """
        Who that is; None for a wrong name or a wrong password, always after the same time.  exact:
        another spelling of the name is wrong too.  Raises ProviderAway and Unavailable.
        """
        begun = self._reactor.seconds()
        entry = await self._in_thread(lambda: self._directory.proved(name, password, exact=exact))
        if entry is None:
            left = begun + self.settings.slowest_s - self._reactor.seconds()
            if left > 0:
                await deferLater(self._reactor, left)
            return None
        groups = await self._in_thread(lambda: self._directory.groups(entry))
        return self._person(entry, groups)

    async def identifiers(self) -> frozenset[str]:
        """
        Of all users there.  Raises ProviderAway and Unavailable.
        """
        return await self._in_thread(self._directory.identifiers)

    def _person(self, entry: Entry, groups: list[str]) -> Person:
        settings = self.settings
        told: dict[str, Any] = dict(entry.attributes)
        emails = entry.attributes.get(settings.email_attribute) or [""]
        # whoever keeps the directory keeps the addresses in it
        told |= {"email": emails[0], "email_verified": bool(emails[0])}
        rules = settings.accounts
        person = person_of(self.provider, entry.identifier, told, rules, entry.name)
        distinct = tuple(dict.fromkeys(groups))[:MOST_GROUPS]
        return evolve(person, groups=distinct, named_there=True)

    async def _in_thread(self, job: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many logins at once. Try again later.")
        self._waiting += 1
        try:
            if self._defer is not None:
                return await self._defer(job)
            return await deferToThreadPool(self._reactor, self._pool, job)
        finally:
            self._waiting -= 1
