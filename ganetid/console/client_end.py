"""
What clients of every kind have in common: a hello in time, one session, and an end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.console.door import Door, NotToday, Session
from ganetid.console.relay import Goodbye, IClient, Relay
from ganetid.console.tokens import BadToken, Kind

Refuse = Callable[[BadToken | NotToday], None]


class ClientEnd:
    """
    A client's connection.

    client: whose it is.  is_in: its session has begun.
    """

    _log = Logger()

    def __init__(self, door: Door, transport: Any, client: IClient) -> None:
        self._door = door
        self._transport = transport
        self._client = client
        self._relay: Relay | None = None
        self._goodbye = Goodbye(door.reactor, transport)
        self._is_lost = False
        self._hello: IDelayedCall = door.reactor.callLater(door.limits.hello_s, self.hang_up)
        transport.setTcpNoDelay(True)
        door.clients[self] = transport.abortConnection

    @property
    def is_in(self) -> bool:
        """Its session has begun."""
        return self._relay is not None

    def enter(
        self, token: str, kinds: frozenset[Kind], welcome: Callable[[], bytes], refuse: Refuse
    ) -> None:
        """
        Begin the session that the token is for.

        welcome: called just before the first byte of the console; what the client has said to
        that already.  refuse: called with why not.
        """

        def opened(session: Session) -> None:
            self._stop_waiting()
            if self._is_lost:
                session.guest.hang_up()
                session.end()
                return
            early = welcome()
            door = self._door
            self._relay = Relay(
                door.reactor, door.limits, self._client, self._transport, session.guest, session.end
            )
            self._relay.begin()
            if early:
                self._relay.client_said(early)

        def refused(failure: Failure) -> None:
            error = failure.value
            if not isinstance(error, BadToken | NotToday):
                self._log.failure("a console could not be opened", failure)
                error = NotToday("it broke")
            self._log.warn("a console was refused: {error}", error=error)
            if not self._is_lost:
                refuse(error)
            self.hang_up()

        opening = Deferred.fromCoroutine(self._door.open(token, kinds))
        opening.addCallbacks(opened, refused)
        opening.addErrback(self._report)

    def said(self, data: bytes) -> None:
        """The client said something to the console."""
        if self._relay is not None:
            self._relay.client_said(data)

    def hang_up(self) -> None:
        """End the session and the connection.  Again is harmless."""
        self._stop_waiting()
        if self._relay is not None:
            self._relay.close("its client went")
        self._goodbye.say()

    def lost(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        self._door.clients.pop(self, None)
        self._stop_waiting()
        self._goodbye.lost()
        if self._relay is not None:
            self._relay.close("its client went")

    def _report(self, failure: Failure) -> None:
        self._log.failure("a console's client could not be served", failure)
        self.hang_up()

    def _stop_waiting(self) -> None:
        if self._hello.active():
            self._hello.cancel()
