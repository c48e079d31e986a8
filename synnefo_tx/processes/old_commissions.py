"""
Commissions that a service has left pending, for Prometheus: what they hold nobody else can have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.http.metrics import Metrics
from synnefo_tx.quota.rows.commissions import waiting_since
from synnefo_tx.store.database import Database

EVERY_S = 60.0
DAY_S = 24 * 3600


@define
class OldCommissions:
    """
    Gauges synnefo_commissions_forgotten, of those older than a day, and
    synnefo_commissions_oldest_age_seconds.  clock: seconds since the epoch.
    """

    _database: Database
    _clock: Callable[[], float]
    _metrics: Metrics
    _reactor: Any
    _forgotten: int = field(default=0, init=False)
    _oldest_us: int | None = field(default=None, init=False)
    _rounds: Rounds = field(init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._rounds = Rounds(self._reactor, self._look)
        self._metrics.watch(
            "synnefo_commissions_forgotten",
            "Changes of quota that wait for their service for more than a day.",
            lambda: self._forgotten,
        )
        self._metrics.watch(
            "synnefo_commissions_oldest_age_seconds",
            "Of the oldest change of quota that waits for its service; 0: none waits.",
            self._oldest_age_s,
        )

    def startService(self) -> None:
        """
        Look every EVERY_S.
        """
        self._rounds.start(EVERY_S)

    def stopService(self) -> Deferred[None]:
        """
        Fires when nobody looks any more.
        """
        return Deferred.fromCoroutine(self._rounds.stop())

    def _oldest_age_s(self) -> float:
        return 0.0 if self._oldest_us is None else max(0.0, self._clock() - self._oldest_us / 1e6)

    async def _look(self) -> None:
        before_us = int((self._clock() - DAY_S) * 1e6)
        try:
            found = await self._database.read(waiting_since, before_us)
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("pending commissions could not be counted")
            return
        self._forgotten, self._oldest_us = found
