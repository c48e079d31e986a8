"""
The unix socket at which NBD clients arrive.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.nbd.client import NbdClient
from archipelagod.volumes import Volumes

BACKLOG = 256
MAX_NEGOTIATING = 512  # more wait in the backlog


@implementer(IReadDescriptor)
class NbdListener(Service):
    """
    Listens at ``path`` (mode 0600); whatever was there is replaced.
    """

    _log = Logger()

    def __init__(self, reactor: Any, path: str, volumes: Volumes) -> None:
        self._reactor = reactor
        self._path = path
        self._volumes = volumes
        self._socket: socket.socket | None = None
        self._clients: set[NbdClient] = set()

    def startService(self) -> None:
        """See IService.  Raises OSError."""
        super().startService()
        with contextlib.suppress(FileNotFoundError):
            Path(self._path).unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            listening.bind(self._path)
        finally:
            os.umask(before)
        listening.listen(BACKLOG)
        self._socket = listening
        self._reactor.addReader(self)

    def stopService(self) -> None:
        """See IService."""
        super().stopService()
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.close()
            self._socket = None
            with contextlib.suppress(FileNotFoundError):
                Path(self._path).unlink()
        for client in list(self._clients):
            client.close()

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "nbd"

    def connectionLost(self, reason: Failure) -> None:
        """See IReadDescriptor: the reactor stops."""

    def doRead(self) -> None:
        """See IReadDescriptor."""
        while self._socket is not None and len(self._clients) < MAX_NEGOTIATING:
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._log.error("an NBD client was not accepted: {error}", error=str(error))
                return
            sock.setblocking(False)
            client = NbdClient(self._reactor, sock, self._volumes, self._forget)
            self._clients.add(client)
            client.start()
        self._reactor.removeReader(self)  # full: the rest waits

    def _forget(self, client: NbdClient) -> None:
        self._clients.discard(client)
        if self._socket is not None:
            self._reactor.addReader(self)
