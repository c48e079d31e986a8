"""
The storage daemon as a Twisted service.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from archipelagod.custody import Custody
from archipelagod.datapath.inline import InlineDatapath
from archipelagod.datapath.interface import IDatapath
from archipelagod.datapath.processes import ProcessDatapath
from archipelagod.nbd.listener import NbdListener
from archipelagod.nbd.settings import checked
from archipelagod.settings import ArchipelagoSettings
from archipelagod.store_lock import StoreLock
from archipelagod.stores.store import Store, open_file_store, open_memory_store
from archipelagod.threads import Threads
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.sessions import Sessions
from archipelagod.volumes import Volumes
from archipelagod.wire.server import BlockFactory
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.daemon.settings import SettingsError

THREADS = 8


def build_service(settings: ArchipelagoSettings, reactor: Any) -> ArchipelagoService:
    """
    The daemon, not started.  Makes the state directory and the secret if they are absent.

    Raises SettingsError when settings contradict each other, OSError.
    """
    if settings.store == "memory" and settings.datapath == "process":
        raise SettingsError('store = "memory" needs datapath = "inline"')
    checked(settings.nbd)
    state = Path(settings.state_dir)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "store").mkdir(mode=0o700, exist_ok=True)
    return ArchipelagoService(settings, reactor, shared_secret(settings.secret_file))


def shared_secret(path: str) -> bytes:
    """
    The secret in the file at ``path``, made (0600) if absent.  Raises OSError, SettingsError.
    """
    secret = secret_in(Path(path)).encode()
    if len(secret) < 16:
        raise SettingsError(f"{path}: a secret of fewer than 16 bytes")
    return secret


class ArchipelagoService(Service):
    """
    ``ready`` fires when both sockets listen, or with what prevents it.
    """

    _log = Logger()

    def __init__(self, settings: ArchipelagoSettings, reactor: Any, secret: bytes) -> None:
        self.ready: Deferred[None] = Deferred()
        self._settings = settings
        self._reactor = reactor
        self._secret = secret
        self._pool = ThreadPool(0, THREADS, name="storage")
        self._run_in_thread = Threads(
            lambda function, *arguments: deferToThreadPool(
                reactor, self._pool, function, *arguments
            )
        )
        self._lock: StoreLock | None = None
        self._volumes: Volumes | None = None
        self._listeners: list[Service] = []
        self._nbd: NbdListener | None = None
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        """See IService."""
        super().startService()
        self._pool.start()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._not_started)

    def _not_started(self, failure: Failure) -> None:
        if not self.running:
            return
        self._log.failure("archipelagod could not start", failure=failure, level=LogLevel.critical)
        if not self.ready.called:
            self.ready.errback(failure)

    async def _start(self) -> None:
        store_path = str(Path(self._settings.state_dir) / "store")
        self._lock = StoreLock(f"{store_path}/lock")
        await self._lock.acquire(self._reactor)
        store = await self._run_in_thread(self._open_store, store_path)
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        datapath: IDatapath
        if self._settings.datapath == "process":
            datapath = ProcessDatapath(self._reactor, store_path, self._lock.fd)
        else:
            datapath = InlineDatapath(self._reactor, store, self._run_in_thread)
        custody = Custody(self._reactor, store, sessions, datapath, self._run_in_thread)
        volumes = self._volumes = Volumes(catalogue, custody, self._run_in_thread)
        await self._listen(volumes)
        self._log.info("archipelagod is ready")
        self.ready.callback(None)
        await volumes.recover()

    def _open_store(self, path: str) -> Store:
        if self._settings.store == "memory":
            return open_memory_store()
        return open_file_store(path, is_ours=True)

    async def _listen(self, volumes: Volumes) -> None:
        nbd = self._nbd = NbdListener(
            self._reactor, self._settings.nbd_socket, volumes, self._settings.nbd
        )
        nbd.startService()
        self._listeners.append(nbd)
        remove_stale_socket(self._settings.listen)
        endpoint = serverFromString(self._reactor, self._settings.listen)
        factory = BlockFactory(self._reactor, self._secret, volumes)
        wire = StreamServerEndpointService(endpoint, factory)
        wire._raiseSynchronously = True  # as twisted.application.strports does
        wire.startService()
        self._listeners.append(wire)

    def stopService(self) -> Deferred[None]:
        """See IService: clients are disconnected, everything is flushed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()  # it may still wait for the store
        for listener in reversed(self._listeners):
            stopped = listener.stopService()
            if stopped is not None:
                await stopped
        if self._volumes is not None:
            await self._volumes.close()
        if self._nbd is not None:
            await self._nbd.gone()
        self._pool.stop()
        if self._lock is not None:
            self._lock.close()


def remove_stale_socket(listen: str) -> None:
    """
    Removes the socket (and Twisted's lock) that a killed daemon left at a ``unix:`` endpoint.

    We hold the store's lock: nobody else listens there on purpose.
    """
    kind, _, rest = listen.partition(":")
    if kind != "unix":
        return
    path = rest.split(":")[0].removeprefix("address=")
    for stale in (path, f"{path}.lock"):
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(stale).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISLNK(mode):
                Path(stale).unlink()
