"""
A data connection that can't be handed over, because of its TLS: its bytes go through the daemon.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure


class Relay(Protocol):
    """
    Our end of a socket pair whose other end serves the client; ``client`` is its transport.

    Neither side is read faster than the other takes it.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._is_over = False

    @classmethod
    def between(cls, reactor: Any, client: Any) -> tuple[Relay, socket.socket]:
        """
        A relay, and the socket for whoever serves the client.  Raises OSError.
        """
        relay = cls(client)
        ours, theirs = socket.socketpair()
        with ours:
            factory = Factory.forProtocol(lambda: relay)
            factory.noisy = False
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        theirs.setblocking(False)
        return relay, theirs

    def connectionMade(self) -> None:
        """See Protocol."""
        wire: Any = self.transport
        wire.registerProducer(self._client, True)
        self._client.registerProducer(wire, True)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol: for the client."""
        self._client.write(data)

    def take(self, data: bytes) -> None:
        """
        The client sent this.
        """
        wire: Any = self.transport
        if not self._is_over:
            wire.write(data)

    def client_lost(self) -> None:
        """
        The client is gone.
        """
        wire: Any = self.transport
        if not self._is_over:
            self._is_over = True
            wire.unregisterProducer()
            wire.loseConnection()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol: whoever serves closed; the client gets what was said before."""
        if not self._is_over:
            self._is_over = True
            with contextlib.suppress(AttributeError):  # its transport may be gone already
                self._client.unregisterProducer()
            self._client.loseConnection()
