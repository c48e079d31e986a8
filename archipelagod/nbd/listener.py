"""
Where NBD clients arrive.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.nbd.client import NbdClient
from archipelagod.nbd.doors import tcp_socket, unix_socket
from archipelagod.nbd.exports import Exports
from archipelagod.nbd.peers import peer_uid
from archipelagod.nbd.questions import Tls
from archipelagod.nbd.settings import NbdSettings, parse_address
from archipelagod.nbd.tls import TlsRelay
from archipelagod.volumes import Volumes

MAX_NEGOTIATING = 256  # at one door; more wait in its backlog
PATIENCE_S = 1.0  # with who holds up others
_GONE = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EHOSTUNREACH, errno.ENETUNREACH})


@implementer(IReadDescriptor)
class Door:
    """
    A listening socket.

    welcome: whether a client that was accepted is let in.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        listening: socket.socket,
        welcome: Callable[[socket.socket], bool],
        make: Callable[[socket.socket, Callable[[NbdClient], None]], NbdClient],
    ) -> None:
        self._reactor = reactor
        self._socket = listening
        self._welcome = welcome
        self._make = make
        self._clients: dict[NbdClient, float] = {}  # since when; the oldest first
        self._look: IDelayedCall | None = None
        self._is_closed = False
        reactor.addReader(self)

    @property
    def address(self) -> Any:
        """
        Where it is.
        """
        return self._socket.getsockname()

    def close(self) -> None:
        """
        Nobody more comes in; who still negotiates is disconnected.
        """
        self._is_closed = True
        self._reactor.removeReader(self)
        if self._look is not None:
            self._look.cancel()
        self._socket.close()
        for client in list(self._clients):
            client.close()

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return -1 if self._is_closed else self._socket.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "nbd"

    def connectionLost(self, reason: Failure) -> None:
        """See IReadDescriptor: the reactor stops."""

    def doRead(self) -> None:
        """See IReadDescriptor."""
        while not self._is_closed and len(self._clients) < MAX_NEGOTIATING:
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._log.error("an NBD client was not accepted: {error}", error=str(error))
                if error.errno in _GONE:
                    continue
                self._rest(PATIENCE_S)  # there are no descriptors: the same would come at once
                return
            sock.setblocking(False)
            with contextlib.suppress(OSError):  # of a client whose host died something is heard
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if not self._welcome(sock):
                sock.close()
                continue
            client = self._make(sock, self._forget)
            self._clients[client] = self._reactor.seconds()
            client.start()
        if not self._is_closed:
            self._wait()

    def _wait(self) -> None:
        """
        Full: who is slow has to go for those that wait outside.
        """
        oldest_s = next(iter(self._clients.values()))
        self._rest(max(0.0, oldest_s + PATIENCE_S - self._reactor.seconds()))

    def _rest(self, delay_s: float) -> None:
        self._reactor.removeReader(self)
        if self._look is None:
            self._look = self._reactor.callLater(delay_s, self._make_room)

    def _make_room(self) -> None:
        self._look = None
        self._reactor.addReader(self)
        is_someone_outside = bool(select.select([self._socket], [], [], 0)[0])
        if is_someone_outside and len(self._clients) == MAX_NEGOTIATING:
            next(iter(self._clients)).close()

    def _forget(self, client: NbdClient) -> None:
        self._clients.pop(client, None)
        if not self._is_closed:
            self._reactor.addReader(self)


class NbdListener(Service):
    """
    Listens at the unix socket ``path``, at the address in ``settings``, and on ``inherited``
    sockets.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        path: str,
        volumes: Volumes,
        settings: NbdSettings | None = None,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._settings = settings or NbdSettings()
        self._inherited = inherited
        self._exports = Exports(volumes, self._settings.default_export)
        self._relay = TlsRelay(reactor, self._settings.tls) if self._settings.tls else None
        self._doors: list[Door] = []

    @property
    def addresses(self) -> list[Any]:
        """
        Where it listens.
        """
        return [door.address for door in self._doors]

    def startService(self) -> None:
        """See IService.  Raises OSError."""
        super().startService()
        local = Tls.ABSENT if self._relay is None else Tls.OFFERED
        for inherited in self._inherited:
            self._open(inherited, local)
        mode = 0o666 if self._settings.uids else 0o600
        self._open(unix_socket(self._path, mode), local)
        if self._settings.tcp:
            remote = Tls.ABSENT if self._relay is None else Tls.REQUIRED
            self._open(tcp_socket(*parse_address(self._settings.tcp)), remote)
            self._log.info("NBD is served at {address}", address=str(self._doors[-1].address))

    def _open(self, listening: socket.socket, tls: Tls) -> None:
        def make(sock: socket.socket, gone: Callable[[NbdClient], None]) -> NbdClient:
            return NbdClient(self._reactor, sock, self._exports, gone, tls, self._relay)

        self._doors.append(Door(self._reactor, listening, self._is_welcome, make))

    def _is_welcome(self, sock: socket.socket) -> bool:
        allowed = self._settings.uids
        if not allowed or sock.family != socket.AF_UNIX:
            return True
        uid = peer_uid(sock)
        is_welcome = uid in (*allowed, os.geteuid())
        if not is_welcome:
            self._log.warn("user {uid} may not use NBD", uid=uid)
        return is_welcome

    def stopService(self) -> None:
        """See IService."""
        super().stopService()
        doors, self._doors = self._doors, []
        for door in doors:
            door.close()
        if doors:
            with contextlib.suppress(FileNotFoundError):
                Path(self._path).unlink()
        if self._relay is not None:
            self._relay.close()

    async def gone(self) -> None:
        """
        After ``stopService``, and when nobody serves the clients any more: returns when nothing of
        them is left here.
        """
        if self._relay is not None:
            await self._relay.ended()
