"""
The master's side of node RPC: requests to one node over kept-alive connections.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import treq
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.task import deferLater
from twisted.web._newclient import RequestGenerationFailed, RequestNotSent
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers

from ganetid.node.membership import OlderMaster, View
from ganetid.node.rpc.authority import Identity
from ganetid.node.rpc.trust import ClientTls

CONNECT_TIMEOUT_S = 3.0
CONNECTIONS = 8
TRIES = 4
FIRST_DELAY_S = 0.1
FORBIDDEN = 403

NOT_SENT = (ConnectError, ConnectingCancelledError, DNSLookupError, RequestNotSent)
LOST = (
    ConnectionClosed,
    ResponseNeverReceived,
    ResponseFailed,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    TooLate,
    CancelledError,
)


class Unreachable(Exception):
    """The node did not answer.  was_sent: it may have done what it was asked for."""

    def __init__(self, reason: str, was_sent: bool) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


class Rejected(Exception):
    """The node answered, with another status than 200."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


@frozen
class Reply:
    """The answer to a request."""

    body: bytes


class NodeClient:
    """
    Requests to the node `name` at `address` (host, port).

    identity: whose certificate is shown, asked for every new connection.
    epoch: of the master that calls.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        address: tuple[str, int],
        identity: Callable[[], Identity],
        epoch: Callable[[], int],
    ) -> None:
        self._reactor = reactor
        self.name = name
        self.address = address
        self._epoch = epoch
        self._closed = False
        self._flying: set[Deferred[Any]] = set()
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = CONNECTIONS
        self._pool.retryAutomatically = False
        self._agent = Agent(
            reactor, ClientTls(identity, name), connectTimeout=CONNECT_TIMEOUT_S, pool=self._pool
        )

    async def send(
        self,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
    ) -> Reply:
        """
        One request, done once.  body: bytes or a file.  Raises Unreachable, Rejected.

        A kept connection may be of before our certificate was renewed, and is refused by now.
        """
        try:
            return await self._send_once(path, body, headers, timeout_s)
        except Rejected as error:
            if error.status != FORBIDDEN:
                raise
        await self._pool.closeCachedConnections()
        if not isinstance(body, bytes):
            body.seek(0)
        return await self._send_once(path, body, headers, timeout_s)

    async def _send_once(
        self, path: str, body: Any, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Reply:
        response = await self._begin(path, body, headers, timeout_s)
        whole = treq.content(response).addTimeout(timeout_s, self._reactor)
        try:
            content = await self._held(whole)
        except LOST as error:
            raise Unreachable(_reason(error), was_sent=True) from error
        self._check(response.code, content)
        return Reply(content)

    async def repeat(
        self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        """
        One request, sent again with the same id when the connection broke.

        Raises Unreachable, Rejected.
        """
        named = {**headers, "x-ganetid-request": uuid.uuid4().hex}
        was_sent, delay_s = False, FIRST_DELAY_S
        for tries_left in reversed(range(TRIES)):
            try:
                return await self.send(path, body, named, timeout_s)
            except Unreachable as error:
                was_sent = was_sent or error.was_sent
                if self._closed or not tries_left or isinstance(error.__cause__, TooLate):
                    raise Unreachable(str(error), was_sent) from error
            if not was_sent:  # a daemon that was just started may do it, too
                named.pop("x-ganetid-incarnation", None)
            await deferLater(self._reactor, delay_s)
            delay_s *= 3
        raise AssertionError("the last try answers or raises")

    async def stream(self, path: str, headers: Mapping[str, str], receiver: Any) -> None:
        """A request whose answer goes on and on, to the protocol `receiver`."""
        response = await self._begin(path, b"", headers, CONNECT_TIMEOUT_S * 2)
        if response.code != 200:
            self._check(response.code, await treq.content(response))
        response.original.deliverBody(receiver)

    async def close(self) -> None:
        """Close connections, also those that only now become idle."""
        self._closed = True
        for each in list(self._flying):
            each.cancel()
        self._pool.cachedConnectionTimeout = 0
        await self._pool.closeCachedConnections()

    async def _begin(
        self, path: str, body: Any, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Any:
        if self._closed:
            raise Unreachable("it is not asked any more", was_sent=False)
        host, port = self.address
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}/{path}"
        named = {**(headers or {}), "x-ganetid-epoch": str(self._epoch())}
        sent: Deferred[Any] = treq.request(
            "POST",
            url,
            data=body,
            headers=Headers({name: [value] for name, value in named.items()}),
            agent=self._agent,
            unbuffered=True,
        )
        sent.addTimeout(timeout_s, self._reactor)
        try:
            return await self._held(sent)
        except NOT_SENT as error:
            raise Unreachable(_reason(error), was_sent=False) from error
        except LOST as error:
            raise Unreachable(_reason(error), was_sent=True) from error

    async def _held(self, asked: Deferred[Any]) -> Any:
        """Its result; `close` cancels it."""
        self._flying.add(asked)
        try:
            return await asked
        finally:
            self._flying.discard(asked)

    def _check(self, status: int, content: bytes) -> None:
        if status == 409:
            raise OlderMaster(msgspec.json.decode(content, type=View))
        if status != 200:
            raise Rejected(status, content[:500].decode("utf-8", "replace"))


def _reason(error: BaseException) -> str:
    reasons = getattr(error, "reasons", None)
    if reasons:
        return str(reasons[0].value) or type(reasons[0].value).__name__
    return str(error) or type(error).__name__
