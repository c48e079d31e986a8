"""
The server's side of one connection of the block protocol.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.wire import opening
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, StorageError, StorageUnavailable
from archipelagod.wire.frames import (
    ERROR,
    MAX_DATA_BEFORE_HELLO,
    PROGRESS,
    REPLY,
    REQUEST,
    BadFrame,
    Frame,
    FrameDecoder,
    parts,
)
from archipelagod.wire.greeting import Greeter
from archipelagod.wire.handling.call import Call
from archipelagod.wire.handling.holdings import Holdings
from archipelagod.wire.handling.table import handler_of
from archipelagod.wire.handshake import Welcome
from archipelagod.wire.interface import IVolumes
from archipelagod.wire.progress import Teller
from archipelagod.wire.relaying import Relay
from archipelagod.wire.strangers import Strangers
from archipelagod.wire.work import Work

HELLO_TIMEOUT_S = 10.0
STUFFED_TIMEOUT_S = 60.0  # in which a client has to read what it asked for
FAREWELL_TIMEOUT_S = 5.0
MAX_TEXT_BYTES = 1000


@implementer(IPushProducer)
class BlockProtocol(Protocol):
    """
    One connection.  Requests run at once and are answered as they finish.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, greeter: Greeter, volumes: IVolumes, strangers: Strangers
    ) -> None:
        self._wire: Any = None
        self._reactor = reactor
        self._greeter = greeter
        self._volumes = volumes
        self._strangers = strangers
        self._decoder = FrameDecoder(MAX_DATA_BEFORE_HELLO)
        self._work = Work(self._start)
        self._holdings = Holdings(volumes)
        self._features: int | None = None  # None: not authenticated
        self._opening: Frame | None = None  # an OPEN; nothing is read until it is answered
        self._is_attaching = False
        self._is_reading = False
        self._relay: Relay | None = None
        self._is_over = False
        self._timeout: IDelayedCall | None = None

    # Input

    def connectionMade(self) -> None:
        """See Protocol."""
        self._wire = self.transport
        self._wire.registerProducer(self, True)
        self._expect(HELLO_TIMEOUT_S)
        self._strangers.arrive(self)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        if self._relay is not None:
            self._relay.take(data)
        elif not self._is_over:
            self._decoder.put(data)
            self._read()

    def _read(self) -> None:
        if self._is_reading:
            return  # an OPEN was refused at once: the loop below goes on
        self._is_reading = True
        was_opening = True
        while was_opening:
            self._read_frames()
            was_opening = self._opening is not None
            self._advance()
            was_opening = was_opening and self._opening is None and not self._is_over
        self._is_reading = False

    def _read_frames(self) -> None:
        try:
            while not self._is_over and self._opening is None:
                frame = self._decoder.next()
                if frame is None:
                    break
                self._take(frame)
        except BadFrame as error:
            self.dismiss(str(error))
        except StorageError as error:
            self.dismiss(str(error), error.status)

    def _take(self, frame: Frame) -> None:
        if frame.kind != REQUEST:
            raise BadFrame("a client sends requests")
        if self._features is None:
            self._send(self._greeter.take(frame))
            if self._greeter.agreed is not None:
                self._authenticated(self._greeter.agreed)
        elif frame.operation == op.OPEN and self._features & op.FEATURE_DATA:
            self._opening = frame
        else:
            self._work.put(frame)

    def _authenticated(self, agreed: Welcome) -> None:
        self._strangers.leave(self)
        self._expect(None)
        self._features = agreed.features
        self._work.window = agreed.window
        self._decoder.max_data = agreed.max_data

    # Work

    def _advance(self) -> None:
        self._work.advance()
        if self._opening is not None and self._may_open():
            self._is_attaching = True
            attaching = Deferred.fromCoroutine(self._open(self._opening))
            attaching.addErrback(self._not_opened)
        if self._is_over:
            return
        if self._work.is_full or self._opening is not None:
            self._wire.pauseProducing()
        else:
            self._wire.resumeProducing()

    def _may_open(self) -> bool:
        return self._work.is_idle and not self._is_attaching and not self._is_over

    def _start(self, frame: Frame) -> None:
        answering = Deferred.fromCoroutine(self._answer(frame))
        answering.addErrback(self._defect, frame).addCallback(self._finish, frame)

    def _defect(self, failure: Failure, frame: Frame) -> Frame:
        self._log.failure("a request could not be answered", failure=failure)
        return _refusal(frame, StorageUnavailable("internal error"))

    def _finish(self, reply: Frame, frame: Frame) -> None:
        self._work.done(frame)
        if not self._is_over:
            self._send(reply)
            self._advance()

    async def _answer(self, frame: Frame) -> Frame:
        features = self._features or 0
        teller = None
        if frame.operation in op.LONG and frame.flags & features_flag(features):
            teller = Teller(self._reactor, lambda done, total: self._tell(frame, done, total))
        try:
            handler = handler_of(frame.operation, features)
            answer = await handler(Call(frame, self._volumes, self._holdings, teller))
        except StorageError as error:
            return _refusal(frame, error)
        finally:
            if teller is not None:
                teller.stop()
        return Frame(
            REPLY,
            frame.operation,
            frame.serial,
            answer.flags,
            0,
            answer.offset,
            answer.size,
            "",
            answer.data,
        )

    def _tell(self, frame: Frame, done: int, total: int) -> None:
        if not self._is_over and not self._work.is_held:
            news = Frame(PROGRESS, frame.operation, frame.serial, offset=total, size=done)
            self._send(news)

    def _not_opened(self, failure: Failure) -> None:
        self._log.failure("a volume could not be opened", failure=failure)
        self._wire.abortConnection()

    async def _open(self, frame: Frame) -> None:
        try:
            attachment = await opening.attached(self._volumes, self._wire, frame)
        except StorageError as error:
            self._is_attaching, self._opening = False, None
            if not self._is_over:
                self._send(_refusal(frame, error))
                self._read()
            return
        if self._is_over:
            attachment.cancel()
            return
        self._is_over = True
        self._holdings.end()
        self._expect(STUFFED_TIMEOUT_S)
        self._wire.unregisterProducer()
        reply = opening.answer_to(frame, attachment)
        try:
            self._relay = await opening.hand_over(
                self._reactor, self._wire, attachment, reply, self._decoder.rest
            )
        except StorageUnavailable as error:
            self._log.debug("a client was not handed over: {error}", error=str(error))
            self._wire.abortConnection()
        self._expect(None)
        if self._relay is not None:
            self._wire.resumeProducing()  # it was paused while the volume was opened

    # Output, and the end

    def _send(self, frame: Frame) -> None:
        self._wire.writeSequence(parts(frame))

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        is_news = not self._work.is_held
        self._work.is_held = True
        if is_news and self._features is not None and not self._is_over:
            self._expect(STUFFED_TIMEOUT_S)
        self._advance()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._work.is_held = False
        if self._features is not None and not self._is_over:
            self._expect(None)
        self._advance()

    def stopProducing(self) -> None:
        """See IPushProducer."""

    def _expect(self, seconds: float | None) -> None:
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()
        if seconds is not None:
            self._timeout = self._reactor.callLater(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._features is None and not self._is_over:
            self.dismiss("no HELLO in time")
        else:
            self._wire.abortConnection()

    def dismiss(self, reason: str, status: int = BadRequest.status) -> None:
        """
        Says why, and hangs up.
        """
        if self._is_over:
            return
        self._is_over = True
        self._work.forget()
        self._strangers.leave(self)
        self._send(Frame(ERROR, 0, status=status, data=reason.encode()[:MAX_TEXT_BYTES]))
        self._wire.unregisterProducer()
        self._wire.loseConnection()
        self._expect(FAREWELL_TIMEOUT_S)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol."""
        self._is_over = True
        self._expect(None)
        self._strangers.leave(self)
        self._work.forget()
        self._holdings.end()
        if self._relay is not None:
            self._relay.client_lost()


def features_flag(features: int) -> int:
    """
    Flags of LONG operations that the features agreed on have.
    """
    return op.FLAG_PROGRESS if features & op.FEATURE_PROGRESS else 0


def _refusal(frame: Frame, error: StorageError) -> Frame:
    text = str(error).encode("utf-8", "replace")[:MAX_TEXT_BYTES]
    return Frame(REPLY, frame.operation, frame.serial, status=error.status, data=text)
