"""
The two ends of a disk's way to another cluster: a protocol that sends, one that receives.

Disks are read and written in threads; no more than a few MiB are in memory.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer

from ganetid.opcodes.errors import OpExecError

CHUNK = 1024 * 1024
MOST_WAITING = 4 * CHUNK


class Receiving:
    """
    One disk that is awaited; the first who says the magic is its sender.

    new_unpacker: makes a decompressor for a connection; None: content comes as it is.
    """

    def __init__(
        self, reactor: Any, magic: str, size: int, new_unpacker: Callable[[], Any] | None
    ) -> None:
        self._reactor = reactor
        self.magic = f"M={magic}".encode()
        self._size = size
        self.new_unpacker = new_unpacker
        self._sender: _Incoming | None = None
        self._waiting = bytearray()
        self._is_over = False
        self._news: Deferred[None] | None = None
        self._outcome: Deferred[None] = Deferred()

    async def write_to(self, handle: int) -> None:
        """Write what comes to the open file, all of it, and sync.  Raises OpExecError."""
        written = 0
        while not (self._is_over and not self._waiting):
            if not self._waiting:
                self._news = Deferred()
                await self._news
                continue
            data, self._waiting = bytes(self._waiting), bytearray()
            self._pause(False)
            written = await deferToThread(self._write, handle, data, written)
        if written != self._size:
            raise OpExecError(f"{written} of {self._size} bytes arrived")
        await deferToThread(os.fsync, handle)

    def _write(self, handle: int, data: bytes, offset: int) -> int:
        """Where it ended.  Blocks.  Raises OpExecError, OSError, zlib.error."""
        unpacker = self._sender.unpacker if self._sender is not None else None
        if unpacker is None:
            return offset + _write(handle, data, offset, self._size)
        while True:
            piece = unpacker.decompress(data, CHUNK)
            data = unpacker.unconsumed_tail
            offset += _write(handle, piece, offset, self._size)
            if not data and len(piece) < CHUNK:
                return offset

    def succeeded(self, _: None) -> None:
        """It is written, and its file is closed."""
        if not self._outcome.called:
            self._outcome.callback(None)

    def failed(self, failure: Failure) -> None:
        """It can't be written."""
        if self._sender is not None:
            self._sender.hang_up()
        if not self._outcome.called:
            self._outcome.errback(failure)

    def forget(self) -> None:
        """Nobody waits for it any more."""
        self._outcome.addErrback(lambda _: None)
        if self._sender is not None:
            self._sender.hang_up()
        self.over()

    async def done(self, timeout_s: float) -> None:
        """When it is written; timeout_s: for the sender to come.  Raises OpExecError."""
        late = self._reactor.callLater(timeout_s, self._give_up)
        try:
            await self._outcome
        finally:
            if late.active():
                late.cancel()

    def _give_up(self) -> None:
        if self._sender is None and not self._outcome.called:
            self._outcome.errback(OpExecError("nobody has connected in time"))

    def admits(self, sender: _Incoming, first: bytes) -> bool:
        """Whether it is the sender, by what it said first."""
        if self._sender is None and first == self.magic:
            self._sender = sender
        return self._sender is sender

    def add(self, data: bytes) -> None:
        """This came from the sender."""
        self._waiting += data
        self._pause(len(self._waiting) > MOST_WAITING)
        self._wake()

    def over(self) -> None:
        """The sender has gone."""
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)

    def _pause(self, is_full: bool) -> None:
        if self._sender is not None:
            self._sender.pause(is_full)


class _Incoming(Protocol):
    """Somebody with the right certificate."""

    transport: Any

    def __init__(self, coming: Receiving) -> None:
        self._coming = coming
        self.unpacker = coming.new_unpacker() if coming.new_unpacker is not None else None
        self._first = b""
        self._is_known = False
        self._is_lost = False

    def dataReceived(self, data: bytes) -> None:
        if self._is_known:
            self._coming.add(data)
            return
        left = self._take_first(data)
        if len(self._first) < len(self._coming.magic):
            return
        if not self._coming.admits(self, self._first):
            self.hang_up()
            return
        self._is_known = True
        self._coming.add(left)

    def _take_first(self, data: bytes) -> bytes:
        """Take the magic, or part of it; what is left of the data."""
        wanted = len(self._coming.magic) - len(self._first)
        if self.unpacker is None:
            self._first += data[:wanted]
            return data[wanted:]
        try:
            self._first += self.unpacker.decompress(data, wanted)
        except zlib.error:
            self.hang_up()
        return bytes(self.unpacker.unconsumed_tail)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self._is_lost = True
        if self._is_known:
            self._coming.over()

    def pause(self, is_full: bool) -> None:
        """Take no more for now, or again."""
        if not self._is_lost:
            (self.transport.pauseProducing if is_full else self.transport.resumeProducing)()

    def hang_up(self) -> None:
        """End the connection at once."""
        if not self._is_lost:
            self.transport.abortConnection()


class Listener(Factory):
    """For all who connect to send one disk."""

    noisy = False

    def __init__(self, coming: Receiving) -> None:
        self._coming = coming

    def buildProtocol(self, addr: Any) -> Any:
        return _Incoming(self._coming)


@implementer(IPushProducer)
class Sending(Protocol):
    """One disk that is sent from a file; `done` fires when the other end has hung up."""

    transport: Any

    def __init__(self, path: str, magic: str, size: int, packer: Any) -> None:
        self._path, self._magic, self._size = path, f"M={magic}".encode(), size
        self._packer = packer
        self._resumed: Deferred[None] | None = None
        self._is_paused = False
        self._is_sent = False
        self.done: Deferred[None] = Deferred()
        self._work: Deferred[None] | None = None

    def factory(self) -> ClientFactory:
        """For one connection."""
        return _Once(self)

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self._work = Deferred.fromCoroutine(self._send())
        self._work.addErrback(self.fail)

    async def _send(self) -> None:
        handle = await deferToThread(os.open, self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._write(await deferToThread(self._packed, self._magic))
            for offset in range(0, self._size, CHUNK):
                await self._until_resumed()
                wanted = min(CHUNK, self._size - offset)
                data = await deferToThread(os.pread, handle, wanted, offset)
                if len(data) < wanted:
                    raise OpExecError("the disk is shorter than it should be")
                self._write(await deferToThread(self._packed, data))
            if self._packer is not None:
                self._write(await deferToThread(self._packer.flush))
        finally:
            await deferToThread(os.close, handle)
        self._is_sent = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _packed(self, data: bytes) -> bytes:
        return data if self._packer is None else bytes(self._packer.compress(data))

    def _write(self, data: bytes) -> None:
        if self.done.called:
            raise OpExecError("the other end has hung up")
        self.transport.write(data)

    async def _until_resumed(self) -> None:
        if self._is_paused:
            self._resumed = Deferred()
            await self._resumed

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._is_paused = False
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self.resumeProducing()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        if not self.done.called:
            if self._is_sent and reason.check(ConnectionDone):
                self.done.callback(None)
            else:
                why = reason.getErrorMessage()
                self.done.errback(OpExecError(f"the connection was lost: {why}"))
        self.resumeProducing()

    def fail(self, failure: Failure) -> None:
        """It can't be sent."""
        if not self.done.called:
            self.done.errback(failure)
            self.transport.abortConnection()


class _Once(ClientFactory):
    noisy = False

    def __init__(self, going: Sending) -> None:
        self._going = going

    def buildProtocol(self, addr: Any) -> Any:
        return self._going

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        error = OpExecError(f"Can't connect: {reason.getErrorMessage()}")
        self._going.done.errback(error)


def _write(handle: int, data: bytes, offset: int, size: int) -> int:
    """Number of bytes written; those of zeros are there already.  Raises OpExecError, OSError."""
    if offset + len(data) > size:
        raise OpExecError(f"more than {size} bytes arrived")
    if data.count(0) == len(data):
        return len(data)
    view = memoryview(data)
    while view:
        done = os.pwrite(handle, view, offset)
        offset, view = offset + done, view[done:]
    return len(data)
