"""
The daemon's own way to the data of an open volume: a data connection of the block protocol over a
pair of sockets.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from archipelagod.datapath.handover import BlockHandover
from archipelagod.datapath.interface import IServing
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS, StorageError, StorageUnavailable
from archipelagod.wire.framing import HEADER_BYTES, REPLY, REQUEST, BadFrame, Header, pack, parse


class Link(Protocol):
    """
    Requests go without waiting for each other.  Methods raise StorageError and its kinds.

    ended: called once when the link is gone.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self.is_open = True
        self._ended = ended
        self._wire: Any = None
        self._serial = 0
        self._asked: dict[int, Deferred[bytes]] = {}
        self._pending = bytearray()
        self._wanted = HEADER_BYTES  # bytes, before there is anything to look at

    def connectionMade(self) -> None:
        """See Protocol."""
        self._wire = self.transport

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol: everything asked fails."""
        self.is_open = False
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered.errback(StorageUnavailable("the volume was closed, or its worker died"))
        self._ended()

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._pending += data
        try:
            while len(self._pending) >= self._wanted:
                header = parse(self._pending)
                start = HEADER_BYTES + header.target_bytes
                self._wanted = start + header.data_bytes
                if len(self._pending) < self._wanted:
                    return
                found = bytes(memoryview(self._pending)[start : self._wanted])
                del self._pending[: self._wanted]
                self._wanted = HEADER_BYTES
                self._settle(header, found)
        except BadFrame:
            self._wire.abortConnection()

    def _settle(self, header: Header, data: bytes) -> None:
        answered = self._asked.pop(header.serial, None)
        if header.kind != REPLY or answered is None:
            raise BadFrame("not a reply to anything asked")
        if header.status:
            kind = BY_STATUS.get(header.status, StorageError)
            answered.errback(kind(data.decode("utf-8", "replace")))
        else:
            answered.callback(data)

    def _ask(
        self, operation: int, offset: int = 0, size: int = 0, flags: int = 0, data: bytes = b""
    ) -> Deferred[bytes]:
        answered: Deferred[bytes] = Deferred()
        if not self.is_open:
            answered.errback(StorageUnavailable("the volume was closed, or its worker died"))
            return answered
        self._serial += 1
        self._asked[self._serial] = answered
        head = pack(REQUEST, operation, self._serial, flags, 0, offset, size, data_bytes=len(data))
        self._wire.writeSequence((head, data) if data else (head,))
        return answered

    async def read(self, offset: int, size: int) -> bytes:
        """
        See Volume.
        """
        return await self._ask(op.READ, offset, size)

    async def write(self, offset: int, data: bytes, *, fua: bool = False) -> None:
        """
        See Volume.  fua: on stable storage when it returns.
        """
        await self._ask(op.WRITE, offset, 0, op.FLAG_FUA if fua else 0, data)

    async def flush(self) -> None:
        """
        See Volume.
        """
        await self._ask(op.FLUSH)

    async def zero(self, offset: int, size: int, *, is_hint: bool = False) -> None:
        """
        See Volume.
        """
        await self._ask(op.DISCARD if is_hint else op.WRITE_ZEROES, offset, size)

    def close(self) -> None:
        """
        Hangs up.
        """
        if self.is_open:
            self.is_open = False
            self._wire.loseConnection()


def linked(reactor: Any, serving: IServing, ended: Callable[[], None]) -> Link:
    """
    A link to an open volume.  Raises StorageUnavailable.

    ended: called when neither side uses it any more.
    """
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        serving.serve(theirs, BlockHandover(b"", b""), ended)
        link = Link(lambda: None)
        factory = Factory.forProtocol(lambda: link)
        factory.noisy = False
        reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
    return link
