"""
Clients of the console proxy for tests: a WebSocket's and a plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    RejectConnection,
    Request,
    TextMessage,
)

from tests.archipelagod.running import until


class Heard(Protocol):
    """Keeps all that it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_gone = False
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.is_gone = True
        self.gone.callback(None)

    async def until(self, said: Callable[[bytes], bool], what: str, timeout_s: float = 20) -> None:
        """Wait until what was heard is so."""
        await until(lambda: said(self.heard), what, timeout_s)

    async def until_gone(self) -> None:
        """Wait until the other side hangs up."""
        await until(lambda: self.is_gone, "it hangs up", 20)


class Browser(Heard):
    """
    A WebSocket.  `status`: None until the proxy has answered; 101 for a session.
    """

    def __init__(self, token: str, subprotocols: tuple[str, ...] = ("binary",)) -> None:
        super().__init__()
        self.status: int | None = None
        self.subprotocol: str | None = None
        self.closed: tuple[int, str | None] | None = None
        self._token = token
        self._subprotocols = list(subprotocols)
        self._socket = WSConnection(ConnectionType.CLIENT)

    def connectionMade(self) -> None:
        target = f"/websockify?token={self._token}"
        self.send(Request("proxy", target, subprotocols=self._subprotocols))

    def dataReceived(self, data: bytes) -> None:
        self._socket.receive_data(data)
        for event in self._socket.events():
            self._take(event)

    def send(self, event: Event) -> None:
        """Send an event."""
        assert self.transport is not None
        self.transport.write(self._socket.send(event))

    def say(self, data: bytes) -> None:
        """Send a binary message."""
        self.send(BytesMessage(data))

    async def until_answered(self) -> int:
        """The status."""
        await until(lambda: self.status is not None, "an answer", 20)
        assert self.status is not None
        return self.status

    def _take(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self.status, self.subprotocol = 101, event.subprotocol
            case RejectConnection():
                self.status = event.status_code
            case BytesMessage():
                self.heard += event.data
            case TextMessage():
                raise AssertionError("the proxy sends bytes")
            case CloseConnection():
                self.closed = (event.code, event.reason)
