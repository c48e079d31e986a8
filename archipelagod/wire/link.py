"""
One connection of a client of the block protocol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from archipelagod.wire import handshake, results
from archipelagod.wire import operations as op
from archipelagod.wire.errors import NotAuthenticated, StorageError, StorageUnavailable
from archipelagod.wire.frames import (
    ERROR,
    PROGRESS,
    REPLY,
    REQUEST,
    BadFrame,
    Frame,
    FrameDecoder,
    parts,
)

Progress = Callable[[int, int], None]


@define(eq=False)
class Asked:
    """
    A request on its way.  ``progress``: called with done and total when news of it comes.
    """

    request: Frame
    answered: Deferred[Frame]
    progress: Progress | None = None


class BlockLink(Protocol):
    """
    ``ready`` fires once both sides are known to each other; then ``ask``.
    """

    def __init__(self, secret: bytes, nonce: bytes | None = None) -> None:
        self.ready: Deferred[BlockLink] = Deferred()
        self.is_open = False
        self._secret = secret
        self._hello = handshake.hello(nonce or handshake.fresh_nonce())
        self._decoder = FrameDecoder()
        self._serial = 1
        self._window = 1
        self._asked: dict[int, Asked] = {}
        self._waiting: deque[Asked] = deque()
        self._wire: Any = None
        self._reason: StorageError | None = None

    def connectionMade(self) -> None:
        """See Protocol."""
        self.is_open = True
        self._wire = self.transport
        self._write(Frame(REQUEST, op.HELLO, data=self._hello))

    def _write(self, frame: Frame) -> None:
        self._wire.writeSequence(parts(frame, self._serial))

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol: everything asked fails."""
        self.is_open = False
        error = self._reason or StorageUnavailable(f"connection lost: {reason.getErrorMessage()}")
        asked = [*self._asked.values(), *self._waiting]
        self._asked.clear()
        self._waiting.clear()
        if not self.ready.called:
            self.ready.errback(error)
        for each in asked:
            if not each.answered.called:
                each.answered.errback(error)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        if not self.is_open:
            return
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
            error = results.refusal(frame) or StorageUnavailable("the server hung up")
            if isinstance(error, NotAuthenticated):
                raise error
            raise StorageUnavailable(str(error))
        if frame.kind == PROGRESS and self.ready.called:
            self._tell(frame)
        elif frame.kind != REPLY:
            raise BadFrame("a server sends replies")
        elif self.ready.called:
            self._settle(frame)
        elif frame.serial == self._serial:
            self._greeted(frame)
        else:
            raise BadFrame("a reply to nothing asked")

    def _greeted(self, frame: Frame) -> None:
        if frame.operation == op.HELLO and self._serial == 1:
            self._serial = 2
            agreed, proof = handshake.answer(self._secret, self._hello, frame.data)
            self._window = agreed.window
            self._write(Frame(REQUEST, op.AUTHENTICATE, data=proof))
        elif frame.operation == op.AUTHENTICATE and self._serial == 2:
            self.ready.callback(self)
        else:
            raise BadFrame("a reply to nothing asked")

    def _tell(self, frame: Frame) -> None:
        asked = self._asked.get(frame.serial)
        if asked is None:
            raise BadFrame("news of nothing asked")
        if asked.progress is not None and not asked.answered.called:
            asked.progress(frame.size, frame.offset)

    def _settle(self, frame: Frame) -> None:
        asked = self._asked.get(frame.serial)
        if asked is None or asked.request.operation != frame.operation:
            raise BadFrame("a reply to nothing asked")
        del self._asked[frame.serial]
        self._advance()
        if asked.answered.called:
            return  # timed out
        error = results.refusal(frame)
        if error is not None:
            asked.answered.errback(error)
        else:
            asked.answered.callback(frame)

    def ask(self, request: Frame, progress: Progress | None = None) -> Deferred[Frame]:
        """
        Fires with the reply to ``request`` (its serial is given here), or fails with a
        StorageError.
        """
        answered: Deferred[Frame] = Deferred()
        if not self.is_open:
            answered.errback(self._reason or StorageUnavailable("connection lost"))
            return answered
        self._waiting.append(Asked(request, answered, progress))
        self._advance()
        return answered

    def _advance(self) -> None:
        while self._waiting and len(self._asked) < self._window:
            asked = self._waiting.popleft()
            if asked.answered.called:
                continue  # timed out while it waited
            self._serial += 1
            self._asked[self._serial] = asked
            self._write(asked.request)

    def close(self) -> None:
        """
        Hangs up.
        """
        self._end(StorageUnavailable("closed by us"))
