"""
The daemon's end of a worker's control socket.
"""

from __future__ import annotations

import itertools
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.datapath import messages
from archipelagod.wire.errors import BY_STATUS, StorageUnavailable


@implementer(IReadWriteDescriptor)
class Control:
    """
    Asks a worker, and hears what it says.

    heard: called with what the worker says unasked.  lost: called once, when the worker is gone.
    """

    def __init__(
        self,
        reactor: Any,
        sock: socket.socket,
        heard: Callable[[dict[str, Any]], None],
        lost: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self.is_lost = False
        self._reactor = reactor
        self._sock = sock
        self._heard = heard
        self._lost = lost
        self._ids = itertools.count(1)
        self._asked: dict[int, Deferred[Any]] = {}
        self._queue: deque[tuple[bytes, socket.socket | None]] = deque()
        reactor.addReader(self)

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return self._sock.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "worker"

    def connectionLost(self, reason: Failure) -> None:
        """See IReadDescriptor: the reactor stops, or the socket broke."""
        self.close()

    async def ask(self, head: dict[str, Any], timeout_s: float) -> Any:
        """
        What the worker answers.  Raises the StorageError that it tells of, StorageUnavailable when
        it dies or is silent for so long.
        """
        if self.is_lost:
            raise StorageUnavailable("the worker died")
        number = next(self._ids)
        answered: Deferred[Any] = Deferred()
        self._asked[number] = answered
        self._send(messages.pack({**head, "id": number}), None)
        answered.addTimeout(timeout_s, self._reactor)
        try:
            return await answered
        except defer.TimeoutError:
            raise StorageUnavailable(f"no answer of the worker in {timeout_s} s") from None

    def give(self, head: dict[str, Any], tail: bytes, sock: socket.socket) -> None:
        """
        Tells the worker something, and gives it a socket, which is not ours any more.  Raises
        StorageUnavailable.
        """
        message = messages.pack(head, tail)
        if self.is_lost or len(message) > messages.MAX_MESSAGE:
            sock.close()
            raise StorageUnavailable("the worker died" if self.is_lost else "too much sent ahead")
        self._send(message, sock)

    def _send(self, message: bytes, sock: socket.socket | None) -> None:
        self._queue.append((message, sock))
        if len(self._queue) == 1:
            self.doWrite()

    def doWrite(self) -> None:
        """See IWriteDescriptor."""
        while self._queue:
            message, sock = self._queue[0]
            try:
                if sock is None:
                    self._sock.send(message)
                else:
                    socket.send_fds(self._sock, [message], [sock.fileno()])
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError:
                break  # the reader hears that the worker is gone
            if sock is not None:
                sock.close()
            self._queue.popleft()
        self._reactor.removeWriter(self)

    def doRead(self) -> None:
        """See IReadDescriptor."""
        while not self.is_lost:
            try:
                message = self._sock.recv(messages.MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self.close()
                return
            self._take(messages.unpack(message)[0])

    def _take(self, head: dict[str, Any]) -> None:
        if "id" not in head:
            self._heard(head)
            return
        answered = self._asked.pop(head["id"])
        if answered.called:
            return  # too late
        if "status" in head:
            answered.errback(BY_STATUS.get(head["status"], StorageUnavailable)(head["error"]))
        else:
            answered.callback(head["result"])

    def close(self) -> None:
        """
        Lets go of the worker, which then ends.
        """
        if self.is_lost:
            return
        self.is_lost = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._sock.close()
        for _, sock in self._queue:
            if sock is not None:
                sock.close()
        self._queue.clear()
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            if not answered.called:
                answered.errback(StorageUnavailable("the worker died"))
        self._lost()
