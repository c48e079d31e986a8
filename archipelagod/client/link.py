"""
One connection of a blocking client.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

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
RECEIVE_BYTES = 1 << 20
LARGE_BYTES = 64 << 10  # of data: another system call costs less than a copy


class BlockingLink:
    """
    For one thread at a time.  timeout_s: how long to wait for a reply, or news of it.

    Raises StorageUnavailable when there is none, or the daemon breaks the protocol, and is closed
    then; NotAuthenticated when the secrets differ.
    """

    def __init__(
        self, sock: socket.socket, secret: bytes, timeout_s: float, nonce: bytes | None = None
    ) -> None:
        self.is_open = True
        self._sock = sock
        self._timeout_s = timeout_s
        self._decoder = FrameDecoder()
        self._serial = 0
        self._window = 1
        self._asked: dict[int, Frame] = {}
        self._answers: dict[int, Frame] = {}
        self._introduce(secret, nonce or handshake.fresh_nonce())

    def _introduce(self, secret: bytes, nonce: bytes) -> None:
        said = handshake.hello(nonce)
        try:
            greeted = self.ask(Frame(REQUEST, op.HELLO, data=said))
            agreed, proof = handshake.answer(secret, said, greeted.data)
            self.ask(Frame(REQUEST, op.AUTHENTICATE, data=proof))
        except NotAuthenticated:
            self.close()
            raise
        except StorageError as error:
            self.close()
            raise StorageUnavailable(str(error)) from error
        self._window = agreed.window

    def ask(self, request: Frame, progress: Progress | None = None) -> Frame:
        """
        The reply.  Raises StorageError and its kinds.
        """
        return self._wait(self._send(request), progress)

    def pipeline(self, requests: Iterable[Frame]) -> Iterator[Frame]:
        """
        The replies in the order of the requests, of which as many as may be are on the way.

        Raises StorageError and its kinds at the reply that says so; then the rest is not told.
        """
        sent: deque[int] = deque()
        try:
            for request in requests:
                while len(sent) >= self._window:
                    yield self._wait(sent.popleft())
                sent.append(self._send(request))
            while sent:
                yield self._wait(sent.popleft())
        finally:
            while sent and self.is_open:  # so that nothing is on the way when others ask
                self._reply(sent.popleft(), None)

    def _send(self, request: Frame) -> int:
        if not self.is_open:
            raise StorageUnavailable("connection lost")
        self._serial += 1
        self._asked[self._serial] = request
        try:
            self._sock.settimeout(self._timeout_s)
            self._write(request)
        except OSError as error:
            raise self._broken(self._last_words() or str(error)) from error
        return self._serial

    def _write(self, request: Frame) -> None:
        header, target, data = parts(request, self._serial)
        if len(data) < LARGE_BYTES:
            self._sock.sendall(header + target + data)
        else:
            self._sock.sendall(header + target)
            self._sock.sendall(data)

    def _last_words(self) -> str | None:
        """
        What the daemon said before it hung up, if anything is there.
        """
        try:
            for frame in self._decoder.feed(self._sock.recv(RECEIVE_BYTES)):
                if frame.kind == ERROR:
                    return frame.data.decode("utf-8", "replace")
        except (OSError, BadFrame):
            pass
        return None

    def _wait(self, serial: int, progress: Progress | None = None) -> Frame:
        reply = self._reply(serial, progress)
        error = results.refusal(reply)
        if error is not None:
            raise error
        return reply

    def _reply(self, serial: int, progress: Progress | None) -> Frame:
        deadline_s = time.monotonic() + self._timeout_s
        while serial not in self._answers:
            for frame in self._received(deadline_s):
                if self._take(frame) == serial:
                    deadline_s = time.monotonic() + self._timeout_s
                    if progress is not None and frame.kind == PROGRESS:
                        progress(frame.size, frame.offset)
        return self._answers.pop(serial)

    def _received(self, deadline_s: float) -> list[Frame]:
        left_s = deadline_s - time.monotonic()
        try:
            if left_s <= 0:
                raise TimeoutError
            self._sock.settimeout(left_s)
            data = self._sock.recv(RECEIVE_BYTES)
        except TimeoutError:
            raise self._broken(f"no answer in {self._timeout_s} seconds") from None
        except OSError as error:
            raise self._broken(str(error)) from error
        if not data:
            raise self._broken("connection lost")
        try:
            return list(self._decoder.feed(data))
        except BadFrame as error:
            raise self._broken(f"the server broke the protocol: {error}") from error

    def _take(self, frame: Frame) -> int:
        """
        The serial that a frame is about.
        """
        if frame.kind == ERROR:
            error = results.refusal(frame) or StorageUnavailable("the server hung up")
            broken = self._broken(str(error))
            raise error if isinstance(error, NotAuthenticated) else broken
        asked = self._asked.get(frame.serial)
        known = asked is not None and asked.operation == frame.operation
        if not known or frame.kind not in (REPLY, PROGRESS):
            raise self._broken("the server broke the protocol: a reply to nothing asked")
        if frame.kind == REPLY:
            del self._asked[frame.serial]
            self._answers[frame.serial] = frame
        return frame.serial

    def _broken(self, reason: str) -> StorageUnavailable:
        self.close()
        return StorageUnavailable(reason)

    def close(self) -> None:
        """
        Hangs up.
        """
        self.is_open = False
        self._sock.close()
