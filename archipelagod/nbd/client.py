"""
An NBD client in negotiation, on a socket of its own.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.custody import Attachment
from archipelagod.datapath.handover import Handover
from archipelagod.nbd import numbers as n
from archipelagod.nbd.negotiation import (
    Answer,
    Disconnected,
    Negotiation,
    Question,
    Refusal,
    Transmission,
    Wanted,
)
from archipelagod.nbd.options import Export
from archipelagod.volumes import Volumes
from archipelagod.wire.errors import BadRequest, NoSuchVolume, StorageError, VolumeBusy

NEGOTIATION_TIMEOUT_S = 30.0
LISTED = 10000

_REFUSALS: dict[type[StorageError], int] = {
    NoSuchVolume: n.REP_ERR_UNKNOWN,
    BadRequest: n.REP_ERR_UNKNOWN,
    VolumeBusy: n.REP_ERR_POLICY,
}


def peer_process(sock: socket.socket) -> int | None:
    """
    The process at the other end of a unix socket; None when the kernel does not say.
    """
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        return None
    pid: int = struct.unpack("3i", found)[0]
    return pid or None


@implementer(IReadWriteDescriptor)
class NbdClient:
    """
    Negotiates, then hands the socket to whoever serves the volume.

    A plain descriptor and not a transport: a transport could not let go of its socket without
    shutting it down.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, sock: socket.socket, volumes: Volumes, gone: Callable[[Any], None]
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._volumes = volumes
        self._gone = gone
        self._negotiation = Negotiation()
        self._out = bytearray()
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
        self._send()
        if outcome is not None and not self._is_gone:
            self._reactor.removeReader(self)
            Deferred.fromCoroutine(self._answer(outcome)).addErrback(self._fail)

    def _fail(self, failure: Failure) -> None:
        self._log.failure("an NBD client could not be served", failure=failure)
        self.close()

    async def _answer(self, question: Question) -> None:
        answer = await self._found(question)
        if self._is_gone:
            if self._attachment is not None:
                self._attachment.cancel()
            return
        self._step(lambda: self._negotiation.answer(answer))
        if not self._is_gone and not self._is_ending:
            self._reactor.addReader(self)

    async def _found(self, question: Question) -> Answer:
        try:
            if not isinstance(question, Wanted):
                return [info.name for info in await self._volumes.list("", LISTED, "")]
            if not question.is_to_open:
                info = await self._volumes.info(question.name)
                return Export(info.name, info.size_bytes, info.read_only)
            self._attachment = await self._volumes.attach(question.name, peer_process(self._sock))
        except StorageError as error:
            return Refusal(_REFUSALS.get(type(error), n.REP_ERR_SHUTDOWN), str(error))
        attachment = self._attachment
        return Export(question.name, attachment.size_bytes, attachment.is_read_only)

    def _hand_over(self, outcome: Transmission) -> None:
        assert self._attachment is not None
        handover = Handover(
            outcome.is_structured,
            outcome.has_status,
            bytes(self._out) + outcome.farewell,
            outcome.leftover,
        )
        with contextlib.suppress(StorageError):  # the client sees a closed connection
            self._attachment.serve(self._let_go(), handover)
