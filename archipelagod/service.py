"""
The storage daemon as a Twisted service.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from archipelagod.datapath.inline import InlineDatapath
from archipelagod.datapath.interface import IDatapath
from archipelagod.datapath.processes import ProcessDatapath
from archipelagod.nbd.listener import NbdListener
from archipelagod.nbd.settings import checked
from archipelagod.settings import ArchipelagoSettings
from archipelagod.stored_limits import StoredLimits
from archipelagod.stores.address import BadAddress, open_store, parse_address
from archipelagod.stores.store import Store
from archipelagod.threads import Threads
from archipelagod.upkeep import assembly
from archipelagod.upkeep.assembly import upkeep_of
from archipelagod.uses import Uses
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.sessions import Sessions
from archipelagod.volumes import Volumes
from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.listening import endpoint_at
from archipelagod.wire.server import BlockFactory
from archipelagod.wire.values import Limits
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.daemon.settings import SettingsError

THREADS = 8
SOCKET_PATIENCE_S = 10.0


def build_service(
    settings: ArchipelagoSettings, reactor: Any, inherited: Sequence[socket.socket] = ()
) -> ArchipelagoService:
    """
    The daemon, not started.  Makes the state directory and the secret if they are absent.

    inherited: sockets at which NBD is served too.

    Raises SettingsError when settings contradict each other, OSError.
    """
    if settings.store == "memory" and settings.datapath == "process":
        raise SettingsError('store = "memory" needs datapath = "inline"')
    try:
        parse_address(settings.store_spec)
    except BadAddress as error:
        raise SettingsError(str(error)) from error
    checked(settings.nbd)
    state = Path(settings.state_dir)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "store").mkdir(mode=0o700, exist_ok=True)
    return ArchipelagoService(settings, reactor, shared_secret(settings.secret_file), inherited)


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

    def __init__(
        self,
        settings: ArchipelagoSettings,
        reactor: Any,
        secret: bytes,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self.ready: Deferred[None] = Deferred()
        self._settings = settings
        self._reactor = reactor
        self._secret = secret
        self._inherited = inherited
        self._pool = ThreadPool(0, THREADS, name="storage")
        self._run_in_thread = Threads(
            lambda function, *arguments: deferToThreadPool(
                reactor, self._pool, function, *arguments
            )
        )
        self._upkeep_pool = ThreadPool(0, assembly.THREADS, name="upkeep")
        self._run_upkeep = Threads(
            lambda function, *arguments: deferToThreadPool(
                reactor, self._upkeep_pool, function, *arguments
            )
        )
        self._volumes: Volumes | None = None
        self._listeners: list[Service] = []
        self._nbd: NbdListener | None = None
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        """See IService."""
        super().startService()
        self._pool.start()
        self._upkeep_pool.start()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._not_started)

    def _not_started(self, failure: Failure) -> None:
        if not self.running:
            return
        self._log.failure("archipelagod could not start", failure=failure, level=LogLevel.critical)
        if not self.ready.called:
            self.ready.errback(failure)

    async def _start(self) -> None:
        store = await self._run_in_thread(self._open_store)
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        limits = StoredLimits(store)

        async def limits_of(volume: str) -> Limits:
            return await self._run_in_thread(lambda: limits.get(catalogue.header(volume).uid))

        uses = Uses(self._reactor, sessions, self._datapath(store), self._run_in_thread, limits_of)
        upkeep = upkeep_of(self._reactor, store, self._run_upkeep, self._settings.upkeep)
        volumes = self._volumes = Volumes(catalogue, uses, limits, upkeep, self._run_in_thread)
        await self._listen(volumes)
        self._log.info("archipelagod is ready")
        self.ready.callback(None)
        await volumes.recover()

    def _open_store(self) -> Store:
        return open_store(self._settings.store_spec, is_starting=True)

    def _datapath(self, store: Store) -> IDatapath:
        settings = self._settings
        if settings.datapath == "process":
            return ProcessDatapath(self._reactor, settings.store_spec, settings.most_workers)
        return InlineDatapath(self._reactor, store, self._run_in_thread)

    async def _listen(self, volumes: Volumes) -> None:
        settings = self._settings
        await free_socket(self._reactor, settings.listen)
        self._listen_at(settings.listen, BlockFactory(self._reactor, self._secret, volumes))
        nbd = self._nbd = NbdListener(
            self._reactor, settings.nbd_socket, volumes, settings.nbd, self._inherited
        )
        nbd.startService()
        self._listeners.append(nbd)
        if settings.metrics_listen:
            from archipelagod.observation import monitoring_site  # twisted.web takes memory

            self._listen_at(settings.metrics_listen, monitoring_site(volumes.statistics))

    def _listen_at(self, endpoint: str, factory: Any) -> None:
        service = StreamServerEndpointService(endpoint_at(self._reactor, endpoint), factory)
        service._raiseSynchronously = True  # as twisted.application.strports does
        service.startService()
        self._listeners.append(service)

    def stopService(self) -> Deferred[None]:
        """See IService: clients are disconnected, everything is flushed."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()  # it may still wait for the socket
        for listener in reversed(self._listeners):
            stopped = listener.stopService()
            if stopped is not None:
                await stopped
        if self._volumes is not None:
            await self._volumes.close()
        if self._nbd is not None:
            await self._nbd.gone()
        self._upkeep_pool.stop()
        self._pool.stop()


async def free_socket(reactor: Any, listen: str) -> None:
    """
    Makes the path of a ``unix:`` endpoint free: waits for a daemon there that may be about to end,
    and removes what a killed one left.  Raises StorageUnavailable.
    """
    path = _unix_path(listen)
    if not path:
        return
    deadline_s = reactor.seconds() + SOCKET_PATIENCE_S
    while _is_used(path):
        if reactor.seconds() > deadline_s:
            raise StorageUnavailable(f"another daemon listens at {path}")
        await deferLater(reactor, 0.05)
    remove_stale_socket(path)


def _unix_path(listen: str) -> str:
    kind, _, rest = listen.partition(":")
    return rest.split(":")[0].removeprefix("address=") if kind == "unix" else ""


def _is_used(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        try:
            sock.connect(path)
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
    return True


def remove_stale_socket(path: str) -> None:
    """
    Removes a socket, and Twisted's lock beside it; nothing else.
    """
    for stale in (path, f"{path}.lock"):
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(stale).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISLNK(mode):
                Path(stale).unlink()
