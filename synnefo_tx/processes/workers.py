"""
`synnefo-api --workers N`: the parent of N processes that each serve the whole API (ADR 21).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from synnefo_tx.identity.keys import load_or_create_keys
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.processes.settings import ApiSettings
from synnefo_tx.processes.shared_port import listening_socket
from synnefo_tx.processes.upkeep import Upkeep, block_client
from synnefo_tx.processes.worker import Worker
from synnefo_tx.store.database import DatabaseThreads


class WorkersService(Service):
    """
    Holds the listening socket, so that the port never refuses, and accepts nothing itself.

    config: path of the settings, which workers read too.  ready: called once all workers serve.
    """

    _log = Logger()

    def __init__(
        self, settings: ApiSettings, config: str, reactor: Any, ready: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._config = config
        self._reactor = reactor
        self._ready: Callable[[], None] | None = ready
        self._threads = DatabaseThreads(reactor, settings.database_url)
        self._listener: socket.socket | None = None
        self._workers: list[Worker] = []
        self._upkeep: Upkeep | None = None
        self._client: Any = None

    @property
    def well(self) -> bool:
        """
        Whether somebody serves.
        """
        return any(worker.serves for worker in self._workers)

    def startService(self) -> None:
        super().startService()
        Deferred.fromCoroutine(self._begin()).addErrback(self._could_not_begin)

    def hang_up(self) -> None:
        """
        Pass SIGHUP on.
        """
        for worker in self._workers:
            worker.signal(signal.SIGHUP)

    def _could_not_begin(self, failure: Any) -> None:
        self._log.failure("synnefo-api can't start", failure=failure)
        if self._reactor.running:
            self._reactor.stop()

    async def _begin(self) -> None:
        settings = self._settings
        self._listener = listening_socket(settings.host, settings.port)
        database = self._threads.start()
        self._client = await block_client(settings, self._reactor)
        self._upkeep = Upkeep(settings, database, self._client, self._reactor)
        await self._upkeep.prepare(Passwords(deferToThread))
        for directory in (settings.token_keys, settings.secret_keys_directory):
            await deferToThread(load_or_create_keys, directory)  # else each would make its own
        if not self.running:
            return
        self._upkeep.start()
        self._start_workers(self._listener.fileno())

    def _start_workers(self, listener: int) -> None:
        for number in range(self._settings.workers):
            arguments = ["synnefo-api", "--config", self._config, "--worker", str(number)]
            worker = Worker(self._reactor, number, arguments, listener, self._served)
            self._workers.append(worker)
            worker.start()

    def _served(self) -> None:
        if self._ready is not None and all(worker.serves for worker in self._workers):
            ready, self._ready = self._ready, None
            self._log.info("{count} workers serve the API", count=len(self._workers))
            ready()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        if self._upkeep is not None:
            await self._upkeep.stop()
        await gatherResults([worker.stop() for worker in self._workers])
        if self._listener is not None:
            self._listener.close()
        if self._client is not None:
            await self._client.close()
        self._threads.stop()
