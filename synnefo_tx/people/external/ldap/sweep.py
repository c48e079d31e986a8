"""
Users who are gone from a directory are disabled here.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from synnefo_tx.people.external.ldap.users import DirectoryUsers
from synnefo_tx.people.external.rows.accounts import Listed
from synnefo_tx.people.external.settle import Settle


@define(eq=False)
class Sweep:
    """
    Of one directory, as often as its settings say.  Several workers may do the same.
    """

    _users: DirectoryUsers
    _settle: Settle
    _reactor: Any
    _loop: LoopingCall | None = field(default=None, init=False)
    _log = Logger()

    def startService(self) -> None:
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._once_or_later()))
        self._loop.clock = self._reactor
        self._loop.start(self._users.settings.sweep_s, now=False)

    def stopService(self) -> None:
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    async def once(self) -> list[str]:
        """
        Ids of those disabled.  Raises ProviderAway: then nobody was.
        """
        begun_at = self._settle.now()
        listed = Listed(await self._users.identifiers(), begun_at)
        rules = self._users.settings.accounts
        disabled = await self._settle.gone(self._users.provider, listed, rules)
        if disabled:
            self._log.info(
                "{count} users are gone from {name}, and disabled",
                count=len(disabled),
                name=self._users.provider,
            )
        return disabled

    async def _once_or_later(self) -> None:
        try:
            await self.once()
        except Exception as error:  # noqa: BLE001 - the edge of a service: tried again later
            reason = getattr(error, "reason", type(error).__name__)
            self._log.warn("{name} not swept: {reason}", name=self._users.provider, reason=reason)
