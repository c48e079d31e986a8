"""
The DHCP responder of one bridge.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from ganetid.network.dhcp import DhcpMessage, Lease, NotDhcp, answer, decode, encode

CLIENT_PORT = 68


class DhcpResponder(DatagramProtocol):
    """
    Answers clients whose MAC address is bound, ignores all others.

    lease_of: the lease of a MAC address on this bridge, None when it has none.
    """

    _log = Logger()

    def __init__(self, bridge: str, lease_of: Callable[[str], Lease | None]) -> None:
        self._bridge = bridge
        self._lease_of = lease_of

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Twisted: a datagram came."""
        try:
            message = decode(datagram)
        except NotDhcp as error:
            self._log.debug("{bridge}: {error}", bridge=self._bridge, error=error)
            return
        self._answer(message)

    def _answer(self, message: DhcpMessage) -> None:
        lease = self._lease_of(message.mac)
        reply = None if lease is None else answer(message, lease)
        if reply is None or self.transport is None:
            return
        self._log.debug(
            "{bridge}: DHCP {kind} to {mac}",
            bridge=self._bridge,
            kind=reply.message.kind,
            mac=message.mac,
        )
        try:
            self.transport.write(encode(reply.message), (reply.destination, CLIENT_PORT))
        except OSError as error:
            self._log.warn("{bridge}: {error}", bridge=self._bridge, error=error)


def adopt(reactor: Any, opened: socket.socket, responder: DhcpResponder) -> Any:
    """The reactor reads `opened` from now on; the port, to stop it by."""
    port = reactor.adoptDatagramPort(opened.fileno(), socket.AF_INET, responder)
    opened.close()
    return port
