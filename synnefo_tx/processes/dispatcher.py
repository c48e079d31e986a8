"""
`synnefo-dispatcher`: news from the bus into the database, and wishes that an API process left.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.bus.interface import ISubscriber
from synnefo_tx.effect.clusters import Clusters, rapi_over
from synnefo_tx.effect.node_groups import NodeGroups
from synnefo_tx.effect.perform import Performer
from synnefo_tx.processes.settings import DispatcherSettings
from synnefo_tx.reconcile.heartbeats import HeartBeats
from synnefo_tx.reconcile.service import Reconciler
from synnefo_tx.store.database import Database, DatabaseThreads
from synnefo_tx.store.schema import is_current
from synnefo_tx.update.listener import UpdateListener

SCHEMA_WAIT_S = 0.2


class DispatcherService(Service):
    """
    Waits until the API has brought the database up to date, then listens to `bus`.
    """

    _log = Logger()

    def __init__(self, database_url: str, bus: ISubscriber, reactor: Any) -> None:
        self._bus = bus
        self._reactor = reactor
        self._threads = DatabaseThreads(reactor, database_url)
        self._parts: list[Service] = []
        self._begun: Deferred[None] | None = None

    def startService(self) -> None:
        super().startService()
        self._begun = Deferred.fromCoroutine(self._begin())
        self._begun.addErrback(
            lambda failure: self._log.failure("synnefo-dispatcher can't start", failure=failure)
        )

    async def _begin(self) -> None:
        database = self._threads.start()
        while self.running and not await deferToThread(is_current, database.engine):
            await deferLater(self._reactor, SCHEMA_WAIT_S)
        if self.running:
            self._start_parts(database)

    def _start_parts(self, database: Database) -> None:
        clusters = Clusters(database, rapi_over(self._reactor))
        performer = Performer(self._reactor, database, clusters, time.time)
        self._parts = [
            UpdateListener(database, self._bus, time.time),
            performer,
            NodeGroups(self._reactor, database, clusters, time.time, performer.kick),
            HeartBeats(self._reactor, database, clusters, time.time),
            Reconciler(self._reactor, database, clusters, time.time, performer.kick),
        ]
        for part in self._parts:
            part.startService()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        for part in reversed(self._parts):
            await maybeDeferred(part.stopService)
        self._threads.stop()


def build_service(settings: DispatcherSettings, reactor: Any) -> MultiService:
    """
    The dispatcher over AMQP.
    """
    whole = MultiService()
    bus = AmqpBus(reactor, settings.amqp_url)
    bus.setServiceParent(whole)
    DispatcherService(settings.database_url, bus, reactor).setServiceParent(whole)
    return whole
