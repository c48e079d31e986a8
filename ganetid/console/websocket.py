"""
Consoles over WebSocket, as noVNC and xterm.js speak it: ``/?token=TOKEN``, binary messages.

Built on wsproto and not on Twisted's own WebSocketResource, which knows no subprotocols (browsers
hang up when the one they ask for is not chosen) and gathers messages of any size in memory.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError
from zope.interface import implementer

from ganetid.console.client_end import ClientEnd
from ganetid.console.door import Door, NotToday
from ganetid.console.relay import GONE, IClient
from ganetid.console.tokens import BadToken, Kind

KINDS: frozenset[Kind] = frozenset({"vnc", "serial"})
BINARY = "binary"
FORBIDDEN, UNAVAILABLE = 403, 503
NORMAL = 1000
MAX_EARLY = 64 * 1024


@implementer(IClient)
class ConsoleSocket(Protocol):
    """One client."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._socket = WSConnection(ConnectionType.SERVER)
        self._early = 0
        self._end: ClientEnd | None = None

    def connectionMade(self) -> None:
        self._end = ClientEnd(self._door, self.transport, self)

    def dataReceived(self, data: bytes) -> None:
        assert self._end is not None
        if not self._end.is_in:
            self._early += len(data)
            if self._early > MAX_EARLY:
                self._end.hang_up()
                return
        try:
            self._socket.receive_data(data)
            for event in self._socket.events():
                self._take(event, self._end)
        except RemoteProtocolError as error:
            self._answer_nonsense(error)
            self._end.hang_up()
        except LocalProtocolError:
            self._end.hang_up()  # it goes on after it said goodbye

    def connectionLost(self, reason: Failure = GONE) -> None:
        if self._end is not None:
            self._end.lost()

    def send(self, data: bytes) -> None:
        """See IClient."""
        self._write(BytesMessage(data))

    def close(self, reason: str) -> None:
        """See IClient."""
        if self._socket.state is ConnectionState.OPEN:
            self._write(CloseConnection(NORMAL, reason[:100]))
        if self._end is not None:
            self._end.hang_up()

    def _take(self, event: Event, end: ClientEnd) -> None:
        match event:
            case Request():
                self._enter(event, end)
            case BytesMessage():
                end.said(bytes(event.data))
            case TextMessage():
                end.said(event.data.encode("utf-8"))
            case Ping():
                self._write(event.response())
            case CloseConnection():
                if self._socket.state is ConnectionState.REMOTE_CLOSING:
                    self._write(event.response())
                end.hang_up()

    def _enter(self, request: Request, end: ClientEnd) -> None:
        token = parse_qs(urlsplit(request.target).query).get("token", [""])[0]
        chosen = BINARY if BINARY in request.subprotocols else None

        def refuse(error: BadToken | NotToday) -> None:
            """Why is for the log: a stranger learns nothing."""
            status = FORBIDDEN if isinstance(error, BadToken) else UNAVAILABLE
            self._write(RejectConnection(status_code=status))

        def welcome() -> bytes:
            self._write(AcceptConnection(subprotocol=chosen))
            return b""

        end.enter(token, KINDS, welcome, refuse)

    def _answer_nonsense(self, error: RemoteProtocolError) -> None:
        if error.event_hint is None:
            return
        try:
            self._write(error.event_hint)
        except LocalProtocolError:
            return  # nothing can be said any more

    def _write(self, event: Event) -> None:
        assert self.transport is not None
        self.transport.write(self._socket.send(event))
