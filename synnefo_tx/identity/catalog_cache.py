"""
The catalog in memory, read again every second at most.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from synnefo_tx.identity.catalog import Service
from synnefo_tx.identity.refreshed import Refreshed
from synnefo_tx.identity.rows.catalog import offered
from synnefo_tx.store.database import Database

REFRESH_S = 1.0


class CatalogCache:
    """
    What tokens are told of the services.  clock: seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._offered = Refreshed(self._ask, clock, REFRESH_S)

    async def services(self) -> tuple[Service, ...]:
        """
        Every service that is enabled, with its endpoints.
        """
        return await self._offered.get()

    def look_again(self) -> None:
        """
        This worker has changed the catalog.
        """
        self._offered.look_again()

    def stop(self) -> Deferred[None]:
        """
        Fires when nothing is asked any more.
        """
        return self._offered.stop()

    async def _ask(self, _known: tuple[Service, ...] | None) -> tuple[Service, ...]:
        return await self._database.read(offered)
