"""
Both sides of the block protocol in conversations of many frames, without sockets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from archipelagod.client.link import BlockingLink
from archipelagod.wire import framing, handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import StorageError
from archipelagod.wire.frames import REPLY, Frame, FrameDecoder
from archipelagod.wire.greeting import Greeter
from archipelagod.wire.requests import request
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.wire.fake_volumes import FakeVolumes
from tests.fuzz.cursor import OPERATIONS, Cursor
from tests.fuzz.messages import counted
from tests.vectors.conversation import shaken

NONCE, SECRET = bytes(32), b"secret"
MOST_TO_A_STRANGER = 2000
MANY = 400  # of one request, sent ahead: more than Python nests
SELDOM = 16  # of 65536
ASKED = (op.READ, op.INFO, op.GC)
_HANDSHAKES = (op.HELLO, op.AUTHENTICATE, *OPERATIONS)
_SAID = (handshake.hello(NONCE), handshake.hello(NONCE, 0, 9, 0, 0), bytes(32))


def stranger(data: bytes) -> None:
    """
    Whoever doesn't know the secret changes nothing, and is heard until the first mistake.
    """
    volumes = FakeVolumes()
    clock = Clock()
    side = BlockFactory(clock, SECRET, volumes, lambda: NONCE).buildProtocol(None)
    transport = StringTransport()
    side.makeConnection(transport)
    cursor = Cursor(data)
    is_raw = cursor.number() & 1
    while not cursor.is_at_end:
        side.dataReceived(cursor.bytes(100) if is_raw else _strange_frame(cursor))
    side.dataReceived(cursor.request())
    assert not volumes.volumes
    assert side._features is None
    assert len(transport.value()) < MOST_TO_A_STRANGER
    side.connectionLost()
    assert not clock.getDelayedCalls()


def _strange_frame(cursor: Cursor) -> bytes:
    counted(1)
    choice = cursor.number()
    if choice & 1:
        return cursor.request(_HANDSHAKES)
    said = _SAID[cursor.number() % len(_SAID)]
    said = said[: len(said) - cursor.number() % 3] + cursor.bytes(choice >> 6)
    operation = op.AUTHENTICATE if choice & 2 else op.HELLO
    return framing.pack(framing.REQUEST, operation, choice, data_bytes=len(said)) + said


class LateVolumes:
    """
    FakeVolumes whose answers may be held.  ``is_late``: whether those to come are.
    """

    def __init__(self, volumes: FakeVolumes) -> None:
        self.is_late = False
        self._volumes = volumes
        self._held: deque[Deferred[None]] = deque()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            if self.is_late:
                waiting: Deferred[None] = Deferred()
                self._held.append(waiting)
                await waiting
            return await getattr(self._volumes, name)(*given, **named)

        return call

    def let_go(self) -> bool:
        """One held answer, if there is any."""
        if self._held:
            self._held.popleft().callback(None)
            return True
        return False


class Conversation:
    """
    A known client of a server, and what it may do besides asking.
    """

    def __init__(self) -> None:
        volumes = FakeVolumes(largest=4 << 20)
        for name in ("v", "sealed"):
            Deferred.fromCoroutine(volumes.create(name, 64 << 10))
        volumes.of("sealed").is_read_only = True
        self.volumes = LateVolumes(volumes)
        self.begin()

    def begin(self) -> None:
        """Another connection."""
        _, self.side, carry = shaken(NONCE, NONCE, SECRET)
        carry()
        self.side._volumes = self.side._holdings._volumes = self.volumes
        self.asked = self.answered = 0

    def step(self, cursor: Cursor) -> None:
        """Whatever comes next."""
        choice = cursor.number()
        side = self.side
        if choice < 8:
            side.pauseProducing()
        elif choice < 24:
            side.resumeProducing()
        elif choice < 32:
            side._reactor.advance(choice)
        elif choice < 40:
            self.volumes.is_late = not self.volumes.is_late
        elif choice < 64:
            self.volumes.let_go()
        else:
            times = MANY if choice == 255 and cursor.number() < SELDOM else 1
            self.asked += times
            counted(times)
            frame = cursor.request() * times
            cut = len(frame) * (choice - 64) // 192
            side.dataReceived(frame[:cut])
            if not side.transport.disconnecting:
                side.dataReceived(frame[cut:])
        self.listen()

    def listen(self) -> None:
        """Answers are what they should be, and not more than was asked for."""
        for frame in FrameDecoder().feed(self.side.transport.value()):
            assert frame.data != b"internal error", frame
            self.answered += frame.kind == REPLY
        assert self.answered <= self.asked
        self.side.transport.clear()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is answered."""
        return bool(self.side._is_over or self.side.transport.disconnecting)

    def end(self) -> None:
        """Everything was answered."""
        self.volumes.is_late = False
        while self.volumes.let_go():
            pass
        if not self.is_over:
            self.side.resumeProducing()
        while self.volumes.let_go():
            pass
        self.listen()
        assert self.is_over or self.answered == self.asked, (self.answered, self.asked)
        self.leave()

    def leave(self) -> None:
        """The connection is lost."""
        self.side.connectionLost()
        while self.volumes.let_go():
            pass
        assert not self.side._reactor.getDelayedCalls()


def server(data: bytes) -> None:
    """
    A known client may ask for anything: it is answered once, and nothing fails unforeseen.
    """
    cursor = Cursor(data)
    talk = Conversation()
    while not cursor.is_at_end:
        if talk.is_over:
            talk.leave()
            talk.begin()
        talk.step(cursor)
    talk.end()


def client(data: bytes) -> None:
    """
    A client takes what a server says for an answer, or ends the connection.
    """
    link, _, carry = shaken(NONCE, NONCE, SECRET)
    carry()
    asked = [link.ask(request(number, "v"), _no_news) for number in ASKED]
    cursor = Cursor(data)
    is_raw = cursor.number() & 1
    while not cursor.is_at_end:
        choice = 255 if is_raw else cursor.number()
        if choice < 32:
            asked.append(link.ask(request(ASKED[choice % 3], "v"), _no_news))
        elif choice < 40:
            asked[choice % len(asked)].cancel()
        else:
            link.dataReceived(cursor.bytes(1000) if is_raw else _reply(cursor, link._asked))
    link.connectionLost()
    for each in asked:
        assert each.called
        each.addErrback(lambda failure: failure.trap(StorageError, Exception))


def _no_news(done: int, total: int) -> None:
    assert done >= 0 <= total


def _reply(cursor: Cursor, asked: dict[int, Any]) -> bytes:
    """
    Half of the time to something asked.
    """
    counted(1)
    choice = cursor.number()
    kind, status = cursor.number() % 5, cursor.number() % 20
    data = cursor.data()
    if choice & 1 and asked:
        serial = list(asked)[(choice >> 1) % len(asked)]
        found = asked[serial]
        operation = getattr(found, "request", found).operation
        kind = kind or REPLY
    else:
        serial, operation = (choice >> 1) % 8, ASKED[cursor.number() % 3]
    return framing.pack(kind, operation, serial, 0, status, data_bytes=len(data)) + data


class FakeSocket:
    """
    A socket on which a server says what ``cursor`` has, once it was introduced.
    """

    def __init__(self, cursor: Cursor) -> None:
        self.asked: dict[int, Frame] = {}
        self._cursor = cursor
        self._greeter = Greeter(SECRET, lambda: NONCE)
        self._decoder = FrameDecoder()
        self._said: deque[bytes] = deque()
        self._is_raw = cursor.number() & 1

    def sendall(self, data: bytes) -> None:
        """See socket."""
        for frame in self._decoder.feed(data):
            if self._greeter.agreed is None:
                reply = self._greeter.take(frame)
                front = framing.pack(
                    REPLY, frame.operation, frame.serial, 0, 0, 0, 0, 0, len(reply.data)
                )
                self._said.append(front + reply.data)
            else:
                self.asked[frame.serial] = frame

    def recv(self, size: int) -> bytes:
        """See socket."""
        if self._said:
            return self._said.popleft()
        if self._cursor.is_at_end:
            return b""
        if self._is_raw:
            return self._cursor.bytes(1000)
        return _reply(self._cursor, self.asked)

    def settimeout(self, seconds: float) -> None:
        """See socket."""

    def close(self) -> None:
        """See socket."""


def blocking_client(data: bytes) -> None:
    """
    The same of the client that blocks: there is a reply to each request, or a StorageError.
    """
    cursor = Cursor(data)
    sock: Any = FakeSocket(cursor)
    link = BlockingLink(sock, SECRET, 3600.0, NONCE)
    while link.is_open and not cursor.is_at_end:
        wanted = [request(ASKED[n % 3], "v") for n in range(cursor.number() % 40)]
        try:
            link.ask(request(op.GC, "v"), _no_news)
            assert len(list(link.pipeline(iter(wanted)))) == len(wanted)
        except StorageError:
            pass
        if link.is_open:
            assert not link._asked, link._asked
            assert not link._answers, link._answers
