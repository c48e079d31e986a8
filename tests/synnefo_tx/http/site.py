"""
A router on a real loopback port, and a client that says exactly what it is told to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.web.resource import Resource

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.http.dialects import KEYSTONE
from synnefo_tx.http.router import Router
from synnefo_tx.http.streaming import StreamingSite
from synnefo_tx.identity.token import Token

TOKEN = Token(
    user_id="u",
    user_name="user",
    user_domain_id="default",
    project_id="p",
    project_name="project",
    project_domain_id="default",
    roles=("member",),
    methods=("password",),
    issued_at=0,
    expires_at=1,
    audit_id="a",
)


async def authenticate(text: str) -> Token:
    """
    One good token, "good".
    """
    if text != "good":
        raise NotAuthenticated
    return TOKEN


def a_router(**more: Any) -> Router:
    """
    A router below /svc that permits everything but "svc:never".
    """
    return Router(
        prefix="svc",
        dialect=more.pop("dialect", KEYSTONE),
        authenticate=authenticate,
        permitted=lambda permission, *_: permission != "svc:never",
        vary=("X-Auth-Token",),
        **more,
    )


def resource_of(router: Router) -> Resource:
    root = Resource()
    root.putChild(b"svc", router.resource())
    return root


class Client(Protocol):
    """
    Sends what it is given and keeps what comes.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def send(self, *parts: bytes) -> None:
        self.transport.write(b"".join(parts))

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def connectionLost(self, reason: Any = None) -> None:
        self.closed = True
        self._look()

    def _look(self) -> None:
        for condition, waiter in [one for one in self._waiting if one[0]()]:
            self._waiting.remove((condition, waiter))
            waiter.callback(None)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10) -> None:
        """
        Returns once `condition` holds, looked at whenever something arrives.
        """
        if condition():
            return
        waiter: Deferred[None] = Deferred()
        self._waiting.append((condition, waiter))
        waiter.addTimeout(timeout_s, reactor)
        await waiter

    async def answer(self) -> bytes:
        """
        The next whole answer with a Content-Length, which is then forgotten.
        """

        def size() -> int:
            end = self.received.find(b"\r\n\r\n")
            return end + 4 + length_in(bytes(self.received[:end])) if end >= 0 else -1

        def whole() -> bool:
            return 0 <= size() <= len(self.received)

        await self.until(lambda: whole() or self.closed)
        assert whole(), f"closed after {bytes(self.received[-200:])!r}"
        answer = bytes(self.received[: size()])
        del self.received[: size()]
        return answer


def length_in(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class LoopbackSite:
    """
    Listens for a test, and closes what it opened.
    """

    def __init__(self, case: Any, router: Router, streams: Callable[[bytes, bytes], bool]) -> None:
        self.site = StreamingSite(resource_of(router), streams, reactor)
        self._case = case
        self._port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        case.addCleanup(self._port.stopListening)

    async def connect(self) -> Client:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port.getHost().port)
        client = await connectProtocol(endpoint, Client())

        async def leave() -> None:
            if not client.closed:
                client.transport.abortConnection()
                await client.until(lambda: client.closed)
            await soon()  # the server learns of it

        self._case.addCleanup(lambda: Deferred.fromCoroutine(leave()))
        return client


def soon(seconds: float = 0.02) -> Deferred[None]:
    """
    Fires after the reactor has had time to move what is on its way.
    """
    return deferLater(reactor, seconds, lambda: None)


async def eventually(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """
    Returns once `condition` holds.  Raises AssertionError when it doesn't in time.
    """
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        await soon()
    raise AssertionError("it never came true")
