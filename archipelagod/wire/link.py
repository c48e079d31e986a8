"""
One connection of a client of the block protocol.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from archipelagod.wire import handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS, NotAuthenticated, StorageError, StorageUnavailable
from archipelagod.wire.frames import ERROR, REPLY, REQUEST, BadFrame, Frame, FrameDecoder
from archipelagod.wire.frames import encode as encode_frame

WINDOW = 32  # requests on the way; the rest waits here


class BlockLink(Protocol):
    """
    ``ready`` fires once both sides are known to each other; then ``ask``.
    """

    def __init__(self, secret: bytes) -> None:
        self.ready: Deferred[BlockLink] = Deferred()
        self.is_open = False
        self._secret = secret
        self._nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._decoder = FrameDecoder()
        self._serial = 2
        self._asked: dict[int, Deferred[Frame]] = {}
        self._waiting: deque[tuple[Frame, Deferred[Frame]]] = deque()
        self._wire: Any = None
        self._reason: StorageError | None = None

    def connectionMade(self) -> None:
        """See Protocol."""
        self.is_open = True
        self._wire = self.transport
        data = handshake.hello(op.HIGHEST_VERSION, self._nonce)
        self._write(Frame(REQUEST, op.HELLO, 1, data=data))

    def _write(self, frame: Frame) -> None:
        self._wire.write(encode_frame(frame))

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol: everything asked fails."""
        self.is_open = False
        error = self._reason or StorageUnavailable("connection lost")
        asked = [*self._asked.values(), *(deferred for _, deferred in self._waiting)]
        self._asked.clear()
        self._waiting.clear()
        if not self.ready.called:
            self.ready.errback(error)
        for deferred in asked:
            if not deferred.called:
                deferred.errback(error)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except BadFrame as error:
            self._end(StorageUnavailable(f"the server broke the protocol: {error}"))
        except StorageError as error:
            self._end(error)

    def _end(self, error: StorageError) -> None:
        self._reason = self._reason or error
        self.is_open = False
        self._wire.abortConnection()

    def _take(self, frame: Frame) -> None:
        if frame.kind == ERROR or (frame.status and not self.ready.called):
            kind = BY_STATUS.get(frame.status, StorageError)
            text = frame.data.decode("utf-8", "replace")
            raise kind(text) if kind is NotAuthenticated else StorageUnavailable(text)
        if frame.kind != REPLY:
            raise BadFrame("a server sends replies")
        if self.ready.called:
            self._settle(frame)
        elif frame.operation == op.HELLO:
            data = handshake.answer(self._secret, self._nonce, frame.data)
            self._write(Frame(REQUEST, op.AUTHENTICATE, 2, data=data))
        elif frame.operation == op.AUTHENTICATE:
            self.ready.callback(self)
        else:
            raise BadFrame("a reply to nothing asked")

    def _settle(self, frame: Frame) -> None:
        deferred = self._asked.pop(frame.serial, None)
        if deferred is None:
            raise BadFrame("a reply to nothing asked")
        self._advance()
        if deferred.called:
            return  # timed out
        if frame.status:
            kind = BY_STATUS.get(frame.status, StorageError)
            deferred.errback(kind(frame.data.decode("utf-8", "replace")))
        else:
            deferred.callback(frame)

    def ask(self, request: Frame) -> Deferred[Frame]:
        """
        Fires with the reply to ``request`` (its serial is given here), or fails with a
        StorageError.
        """
        answered: Deferred[Frame] = Deferred()
        self._waiting.append((request, answered))
        self._advance()
        return answered

    def _advance(self) -> None:
        while self._waiting and len(self._asked) < WINDOW:
            request, answered = self._waiting.popleft()
            if answered.called:
                continue  # timed out while it waited
            self._serial += 1
            self._asked[self._serial] = answered
            self._write(evolve(request, serial=self._serial))

    def close(self) -> None:
        """
        Hangs up.
        """
        self._end(StorageUnavailable("closed by us"))
