"""
What the newest run of reconciliation has found, and when clusters were heard of, for Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from prometheus_client import Gauge
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from synnefo_tx.daemon.rounds import Rounds
from synnefo_tx.http.metrics import Metrics
from synnefo_tx.reconcile.rows import counts, heartbeats
from synnefo_tx.store.database import Database

EVERY_S = 60.0


@define
class DriftGauges:
    """
    Gauges synnefo_drift by what and cluster, synnefo_reconciliation_age_seconds, and
    synnefo_heartbeat_age_seconds by cluster.  clock: seconds since the epoch.
    """

    _database: Database
    _clock: Callable[[], float]
    _metrics: Metrics
    _reactor: Any
    _ran_us: int | None = field(default=None, init=False)
    _gauge: Gauge = field(init=False)
    _beats: Gauge = field(init=False)
    _rounds: Rounds = field(init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._rounds = Rounds(self._reactor, self._look)
        self._gauge = Gauge(
            "synnefo_drift",
            "Differences between rows and clusters that the last reconciliation found.",
            ["what", "cluster"],
            registry=self._metrics.registry,
        )
        self._beats = Gauge(
            "synnefo_heartbeat_age_seconds",
            "Since a job that does nothing was last heard of from its cluster; -1: never.",
            ["cluster"],
            registry=self._metrics.registry,
        )
        self._metrics.watch(
            "synnefo_reconciliation_age_seconds",
            "Since the last reconciliation; -1: there was none.",
            self._age_s,
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

    def _age_s(self) -> float:
        return -1.0 if self._ran_us is None else max(0.0, self._clock() - self._ran_us / 1e6)

    async def _look(self) -> None:
        try:
            rows = await self._database.read(counts.kept)
            beats = await self._database.read(heartbeats.ages, int(self._clock() * 1e6))
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("differences could not be counted")
            return
        self._gauge.clear()
        for row in rows:
            if row.what == counts.RUN:
                self._ran_us = row.found_at
            else:
                self._gauge.labels(row.what, row.cluster_id).set(row.count)
        self._beats.clear()
        for cluster_id, age_s in beats.items():
            self._beats.labels(cluster_id).set(age_s)
