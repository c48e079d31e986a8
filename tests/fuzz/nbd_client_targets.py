"""
NBD clients as the daemon has them until they are handed over, on a socket pair.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from archipelagod.datapath.handover import Handover
from archipelagod.nbd import numbers as n
from archipelagod.nbd.client import NbdClient
from archipelagod.nbd.options import Export, Listed
from archipelagod.nbd.questions import Wanted
from archipelagod.wire.errors import NoSuchVolume
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted
from tests.fuzz.nbd_targets import option

MANY = 400  # options at once: more than Python nests
SELDOM = 64  # of 65536
MOST_IN_FLIGHT = 60_000


class FakeReactor(Clock):
    """
    Knows who reads and who writes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard


class FakeAttachment:
    """
    Is cancelled or served, and not both.
    """

    def __init__(self) -> None:
        self.is_over = False

    def cancel(self) -> None:
        """See Attachment."""
        assert not self.is_over
        self.is_over = True

    def serve_nbd(self, sock: socket.socket, handover: Handover) -> None:
        """See Attachment."""
        self.cancel()
        sock.close()


class FakeExports:
    """
    See Exports.  "v" is there.  is_late: answers wait for ``let_go``.
    """

    def __init__(self) -> None:
        self.is_late = False
        self.attachments: list[FakeAttachment] = []
        self._held: deque[Deferred[None]] = deque()

    async def _looked(self) -> None:
        if self.is_late:
            waiting: Deferred[None] = Deferred()
            self._held.append(waiting)
            await waiting

    def let_go(self) -> bool:
        """One answer, if any is held."""
        if self._held:
            self._held.popleft().callback(None)
            return True
        return False

    async def page(self, marker: str) -> Sequence[Listed]:
        """See Exports."""
        await self._looked()
        return [] if marker else [Listed("v", False)]

    async def known(self, wanted: Wanted) -> Export:
        """See Exports."""
        await self._looked()
        if not wanted.name.startswith("v"):
            raise NoSuchVolume(wanted.name)
        return Export(wanted.name, 1 << 20, wanted.name == "vr")

    async def opened(self, wanted: Wanted, owner: int | None) -> tuple[Export, FakeAttachment]:
        """See Exports."""
        export = await self.known(wanted)
        self.attachments.append(FakeAttachment())
        return export, self.attachments[-1]


class Talk:
    """
    One client, and the other end of its socket.
    """

    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.exports = FakeExports()
        self.failures: list[Failure] = []
        self.is_gone = False
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.setblocking(False)
        exports: Any = self.exports
        self.client = NbdClient(self.reactor, ours, exports, self.gone)
        fail = self.client._fail
        self.client._fail = lambda failure: [self.failures.append(failure), fail(failure)]  # type: ignore
        self.client.start()
        self.say(struct.pack(">I", n.FLAG_FIXED_NEWSTYLE | n.FLAG_NO_ZEROES))

    def gone(self, client: Any) -> None:
        """Told once."""
        assert not self.is_gone
        self.is_gone = True

    def say(self, data: bytes) -> None:
        """The client says something, and both go on."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self.theirs.send(data)
        self.go_on()

    def go_on(self) -> None:
        """As long as anything happens."""
        is_moved = True
        while is_moved and not self.is_gone:
            is_moved = bool(self.hear())
            if self.client in self.reactor.writers:
                is_moved = True
                self.client.doWrite()
            elif self.client in self.reactor.readers and self.client._sock.fileno() >= 0:
                is_moved |= self._has_input()
                self.client.doRead()

    def _has_input(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(self.client._sock.recv(1, socket.MSG_PEEK))
        return False

    def hear(self) -> int:
        """Bytes that were said to the client."""
        heard = 0
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while part := self.theirs.recv(1 << 16):
                heard += len(part)
        return heard

    def end(self) -> None:
        """The client hangs up; nothing is left of it."""
        self.exports.is_late = False
        self.theirs.close()
        while self.exports.let_go():
            pass
        if not self.is_gone:
            self.client.close()
        while self.exports.let_go():
            pass
        assert not self.failures, self.failures
        assert self.is_gone
        assert not (self.reactor.readers or self.reactor.writers)
        assert not self.reactor.getDelayedCalls()
        assert all(each.is_over for each in self.exports.attachments)


def nbd_client(data: bytes) -> None:
    """
    Whatever an NBD client says, however much ahead, and whenever the answers come: it is answered
    or disconnected, and what was opened for it is served or let go.
    """
    cursor = Cursor(data)
    talk = Talk()
    try:
        while not cursor.is_at_end and not talk.is_gone:
            counted(1)
            choice = cursor.number()
            if choice < 24:
                talk.exports.is_late = not talk.exports.is_late
            elif choice < 64:
                talk.exports.let_go()
                talk.go_on()
            elif choice < 72:
                talk.reactor.advance(choice - 64)
            elif choice == 255 and cursor.number() < SELDOM:
                said = option(cursor)
                times = min(MANY, MOST_IN_FLIGHT // len(said))
                counted(times)
                talk.say(said * times)
            else:
                talk.say(cursor.bytes(100) if choice == 72 else option(cursor))
    finally:
        talk.end()
