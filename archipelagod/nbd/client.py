"""
An NBD client in negotiation, on a socket of its own.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.custody import Attachment
from archipelagod.datapath.handover import Handover
from archipelagod.nbd.exports import Exports, refusal
from archipelagod.nbd.negotiation import Negotiation
from archipelagod.nbd.peers import owner_of
from archipelagod.nbd.questions import (
    Answer,
    Disconnected,
    Question,
    Secured,
    Tls,
    Transmission,
    Wanted,
    WantedList,
    WantedTls,
)
from archipelagod.nbd.tls import TlsRelay
from archipelagod.wire.errors import StorageError

NEGOTIATION_TIMEOUT_S = 30.0


@implementer(IReadWriteDescriptor)
class NbdClient:
    """
    Negotiates, then hands the socket to whoever serves the volume.

    A plain descriptor and not a transport: a transport could not let go of its socket without
    shutting it down.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        sock: socket.socket,
        exports: Exports,
        gone: Callable[[Any], None],
        tls: Tls = Tls.ABSENT,
        relay: TlsRelay | None = None,
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._owner = owner_of(sock)
        self._exports = exports
        self._gone = gone
        self._relay = relay
        self._negotiation = Negotiation(tls)
        self._out = bytearray()
        self._question: Question | None = None  # waits for ``_out`` to be sent
        self._is_asking = False
        self._attachment: Attachment | None = None
        self._is_ending = False
        self._is_gone = False
        self._timeout = reactor.callLater(NEGOTIATION_TIMEOUT_S, self.close)

    def start(self) -> None:
        """
        Greets the client, and reads.
        """
        self._reactor.addReader(self)
        self._send()

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return -1 if self._is_gone else self._sock.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "nbd"

    def connectionLost(self, reason: Failure) -> None:
        """See IReadDescriptor: the reactor stops, or the socket broke."""
        self.close()

    def close(self) -> None:
        """
        Disconnects the client.
        """
        if not self._is_gone:
            self._let_go().close()

    def _let_go(self) -> socket.socket:
        self._is_gone = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        if self._timeout.active():
            self._timeout.cancel()
        self._gone(self)
        return self._sock

    def doRead(self) -> None:
        """See IReadDescriptor."""
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._step(lambda: self._negotiation.receive(data))
        else:
            self.close()

    def doWrite(self) -> None:
        """See IWriteDescriptor."""
        try:
            sent = self._sock.send(self._out)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._out[:sent]
        if not self._out:
            self._reactor.removeWriter(self)
            if self._is_ending:
                self.close()
            elif self._question is not None:
                self._ask()

    def _send(self) -> None:
        self._out += self._negotiation.take()
        if self._out:
            self._reactor.addWriter(self)
            self.doWrite()

    def _step(self, advance: Callable[[], Question | Transmission | None]) -> None:
        try:
            outcome = advance()
        except Disconnected as reason:
            self._log.debug("an NBD client was disconnected: {reason}", reason=str(reason))
            self._is_ending = True
            self._reactor.removeReader(self)
            self._send()
            if not self._out:
                self.close()
            return
        if isinstance(outcome, Transmission):
            self._hand_over(outcome)
            return
        if outcome is not None:
            self._reactor.removeReader(self)
        self._question = outcome
        self._send()
        if self._question is not None and not self._out and not self._is_gone:
            self._ask()

    def _ask(self) -> None:
        """
        Looks for the answer once all that was said before is on its way: a client that does not
        read gets no further, and takes no memory.  Some answers are there at once, and lead to the
        next question: they are not to be nested.
        """
        if self._is_asking:
            return
        self._is_asking = True
        while self._question is not None and not self._out and not self._is_gone:
            question, self._question = self._question, None
            Deferred.fromCoroutine(self._answer(question)).addErrback(self._fail)
        self._is_asking = False

    def _fail(self, failure: Failure) -> None:
        self._log.failure("an NBD client could not be served", failure=failure)
        self.close()

    async def _answer(self, question: Question) -> None:
        try:
            answer = await self._found(question)
        except StorageError as error:
            if isinstance(question, WantedTls):
                self._log.error("no TLS for an NBD client: {error}", error=str(error))
                self.close()
                return
            answer = refusal(error)
        if self._is_gone:
            if self._attachment is not None:
                self._attachment.cancel()
            return
        self._step(lambda: self._negotiation.answer(answer))
        is_waiting = self._question is not None or self._is_ending or self._is_gone
        if not is_waiting:
            self._reactor.addReader(self)

    async def _found(self, question: Question) -> Answer:
        if isinstance(question, WantedTls):
            self._secure()
            return Secured()
        if isinstance(question, WantedList):
            return await self._exports.page(question.marker)
        if not question.is_to_open:
            return await self._exports.known(question)
        return await self._opened(question)

    async def _opened(self, question: Wanted) -> Answer:
        export, self._attachment = await self._exports.opened(question, self._owner)
        return export

    def _secure(self) -> None:
        """
        The relay takes the client's socket; we go on with what it gives for it.
        """
        assert self._relay is not None
        plain = self._relay.secured(self._sock)
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._sock.close()
        self._sock = plain

    def _hand_over(self, outcome: Transmission) -> None:
        assert self._attachment is not None
        handover = Handover(
            outcome.is_structured,
            outcome.has_status,
            bytes(self._out) + outcome.farewell,
            outcome.leftover,
        )
        with contextlib.suppress(StorageError):  # the client sees a closed connection
            self._attachment.serve_nbd(self._let_go(), handover)
