"""
The catalog in memory, read again every second at most.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from synnefo_tx.identity.catalog import Catalog, Service
from synnefo_tx.identity.refreshed import Refreshed
from synnefo_tx.identity.rows.catalog import read
from synnefo_tx.store.database import Database

REFRESH_S = 1.0


class CatalogCache:
    """
    What tokens are told of the services.  clock: seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._known = Refreshed(self._ask, clock, REFRESH_S)

    async def services(self, project_id: str) -> tuple[Service, ...]:
        """
        The services, with the endpoints that a token of the project tells ("": of no project).
        """
        return (await self._known.get()).services_of(project_id)

    def look_again(self) -> None:
        """
        This worker has changed the catalog.
        """
        self._known.look_again()

    def stop(self) -> Deferred[None]:
        """
        Fires when nothing is asked any more.
        """
        return self._known.stop()

    async def _ask(self, known: Catalog | None) -> Catalog:
        return await self._database.read(read, known)
