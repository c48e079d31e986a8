"""
How the socket of a Twisted connection is handed to somebody else.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


def is_detachable(transport: Any) -> bool:
    """
    Whether the connection's bytes are those of its socket: not so with TLS.
    """
    return isinstance(transport, Connection) and not transport.TLS


@implementer(IPullProducer)
class LastWords:
    """
    Writes ``data``; ``taken`` fires once the kernel took all that was ever written, or fails when
    the connection is lost before.
    """

    def __init__(self, transport: Any, data: bytes) -> None:
        self.taken: Deferred[None] = Deferred()
        self._transport = transport
        self._data = data
        self._is_written = False

    def start(self) -> Deferred[None]:
        """
        No other producer may be registered.
        """
        self._transport.registerProducer(self, False)
        return self.taken

    def resumeProducing(self) -> None:
        """See IPullProducer: at first, and when the transport has nothing left."""
        if not self._is_written:
            self._is_written = True
            self._transport.write(self._data)
            return
        self._transport.unregisterProducer()
        self.taken.callback(None)

    def stopProducing(self) -> None:
        """See IProducer."""
        self.taken.errback(ConnectionError("lost before the handover"))


def detach(transport: Any) -> socket.socket:
    """
    The connection's socket, not blocking; the transport's protocol sees a lost connection.

    Nothing may wait to be written.
    """
    transport.stopReading()
    transport.stopWriting()
    sock: socket.socket = transport.getHandle().dup()
    # Closing the transport would shut the connection down: it gets another socket to close.
    ours, other = socket.socketpair()
    with ours, other:
        os.dup2(ours.fileno(), transport.fileno(), inheritable=False)
    transport.abortConnection()
    return sock
