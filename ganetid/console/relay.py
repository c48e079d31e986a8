"""
Bytes between a client and a guest's console: neither side is read faster than the other takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

LINGER_S = 5.0
GONE = Failure(ConnectionDone())


@frozen
class Limits:
    """See ConsoleSettings."""

    idle_s: float = 1800.0
    stalled_s: float = 60.0
    sessions: int = 256
    sessions_of_guest: int = 8
    hello_s: float = 10.0


class Goodbye:
    """
    The end of a connection: what was written goes out, but nobody is waited for longer than 5 s.
    """

    def __init__(self, reactor: Any, transport: Any) -> None:
        self._reactor = reactor
        self._transport = transport
        self._late: IDelayedCall | None = None
        self._is_lost = False

    def say(self) -> None:
        """Hang up.  Again is harmless."""
        if self._is_lost or self._late is not None:
            return
        self._late = self._reactor.callLater(LINGER_S, self._transport.abortConnection)
        self._transport.loseConnection()

    def lost(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        if self._late is not None and self._late.active():
            self._late.cancel()


class IClient(Interface):
    """The client's side of a session."""

    def send(data: bytes) -> None:
        """Hand it what the guest's console said."""

    def close(reason: str) -> None:
        """The session is over."""


class GuestLink(Protocol):
    """
    The guest's side of a session.

    What the console says before a relay takes it (a VNC server speaks first) waits: it is not read.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._relay: Relay | None = None
        self._goodbye: Goodbye | None = None
        self._is_gone = False

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.pauseProducing()
        self._goodbye = Goodbye(self._reactor, transport)

    def take(self, relay: Relay) -> None:
        """From now on `relay` gets what it says."""
        self._relay = relay
        if self._is_gone:
            relay.close("the guest's console is gone")
        else:
            transport: Any = self.transport
            transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        if self._relay is not None:
            self._relay.guest_said(data)

    def connectionLost(self, reason: Failure = GONE) -> None:
        self._is_gone = True
        if self._goodbye is not None:
            self._goodbye.lost()
        if self._relay is not None:
            self._relay.close("the guest's console is gone")

    def close(self, reason: str) -> None:
        """End its session, or, before there is one, itself."""
        if self._relay is not None:
            self._relay.close(reason)
        self.hang_up()

    def hang_up(self) -> None:
        """Let the guest's console go."""
        if self._goodbye is not None:
            self._goodbye.say()


@implementer(IPushProducer)
class Pace:
    """A side's reading, as the other side's transport slows it; `paused` tells of it."""

    def __init__(self, transport: Any, paused: Callable[[bool], None]) -> None:
        self._transport = transport
        self._paused = paused

    def pauseProducing(self) -> None:
        """The other side takes no more now."""
        self._transport.pauseProducing()
        self._paused(True)

    def resumeProducing(self) -> None:
        """It does again."""
        self._transport.resumeProducing()
        self._paused(False)

    def stopProducing(self) -> None:
        """It is gone; the relay hears of it by itself."""


class Relay:
    """
    A session at work, until either side goes, or `limits` end it.

    transport: the client's.  ended: called once.
    """

    def __init__(
        self,
        reactor: Any,
        limits: Limits,
        client: IClient,
        transport: Any,
        guest: GuestLink,
        ended: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._limits = limits
        self._client = client
        self._transport = transport
        self._guest = guest
        self._ended = ended
        self._is_over = False
        self._stalled: IDelayedCall | None = None
        self._idle: IDelayedCall = reactor.callLater(
            limits.idle_s, self.close, "nothing was said for long"
        )

    def begin(self) -> None:
        """Join the two."""
        self._transport.registerProducer(Pace(self._guest.transport, self._client_lags), True)
        other: Any = self._guest.transport
        other.registerProducer(Pace(self._transport, lambda lags: None), True)
        self._guest.take(self)

    def guest_said(self, data: bytes) -> None:
        """For the client."""
        if not self._is_over:
            self._idle.reset(self._limits.idle_s)
            self._client.send(data)

    def client_said(self, data: bytes) -> None:
        """For the guest."""
        if not self._is_over:
            self._idle.reset(self._limits.idle_s)
            assert self._guest.transport is not None
            self._guest.transport.write(data)

    def close(self, reason: str) -> None:
        """End the session.  Again is harmless."""
        if self._is_over:
            return
        self._is_over = True
        for timer in (self._idle, self._stalled):
            if timer is not None and timer.active():
                timer.cancel()
        other: Any = self._guest.transport
        other.unregisterProducer()
        self._guest.hang_up()
        self._transport.unregisterProducer()
        self._client.close(reason)
        self._ended()

    def _client_lags(self, lags: bool) -> None:
        if self._stalled is not None and self._stalled.active():
            self._stalled.cancel()
        self._stalled = None
        if lags:
            self._stalled = self._reactor.callLater(
                self._limits.stalled_s, self.abort, "its client takes nothing"
            )

    def abort(self, reason: str) -> None:
        """End the session though its client does not listen."""
        self.close(reason)
        self._transport.abortConnection()
