"""
VNC over plain TCP (or TLS): the client says its token and a line feed, and then speaks RFB.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ganetid.console.client_end import ClientEnd
from ganetid.console.door import Door
from ganetid.console.relay import GONE, IClient
from ganetid.console.tokens import MAX_CHARACTERS, Kind

MAX_EARLY = 64 * 1024
KINDS: frozenset[Kind] = frozenset({"vnc"})


@implementer(IClient)
class VncClient(Protocol):
    """One client.  A bad token is answered by hanging up."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._early = b""
        self._is_known = False
        self._end: ClientEnd | None = None

    def connectionMade(self) -> None:
        self._end = ClientEnd(self._door, self.transport, self)

    def dataReceived(self, data: bytes) -> None:
        assert self._end is not None
        if self._end.is_in:
            self._end.said(data)
            return
        self._early += data
        if len(self._early) > MAX_EARLY:
            self._end.hang_up()
        elif not self._is_known:
            self._look_for_token(self._end)

    def connectionLost(self, reason: Failure = GONE) -> None:
        if self._end is not None:
            self._end.lost()

    def send(self, data: bytes) -> None:
        """See IClient."""
        assert self.transport is not None
        self.transport.write(data)

    def close(self, reason: str) -> None:
        """See IClient."""
        if self._end is not None:
            self._end.hang_up()

    def _look_for_token(self, end: ClientEnd) -> None:
        line, feed, rest = self._early.partition(b"\n")
        if not feed:
            if len(line) > MAX_CHARACTERS:
                end.hang_up()
            return
        self._is_known, self._early = True, rest
        transport: Any = self.transport
        transport.pauseProducing()
        token = line.rstrip(b"\r").decode("ascii", "replace")

        def welcome() -> bytes:
            transport.resumeProducing()
            early, self._early = self._early, b""
            return early

        end.enter(token, KINDS, welcome, lambda error: None)
