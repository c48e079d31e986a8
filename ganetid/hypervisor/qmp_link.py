"""
A QMP connection to one QEMU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ganetid.hypervisor.qmp import (
    Event,
    Greeting,
    QmpBroken,
    QmpDecoder,
    Refusal,
    Reply,
    encode_command,
)

COMMAND_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0


class QmpGone(Exception):
    """The connection is lost, or was never made."""


class QmpRefused(Exception):
    """QEMU refused the command: its error class and text."""


class QmpLink(Protocol):
    """
    Commands out, events in.

    on_event: is called with every event.  `lost` fires, with None, when the connection is gone.
    """

    def __init__(self, reactor: Any, on_event: Callable[[Event], None]) -> None:
        self._reactor = reactor
        self._on_event = on_event
        self._decoder = QmpDecoder()
        self._asked: dict[int, Deferred[Any]] = {}
        self._number = 0
        self._greeted: Deferred[None] = Deferred()
        self._is_lost = False
        self.lost: Deferred[None] = Deferred()

    async def ready(self, patience_s: float = CONNECT_TIMEOUT_S) -> None:
        """Negotiate, once QEMU has greeted, within the time.  Raises QmpGone, QmpRefused."""
        self._greeted.addTimeout(patience_s, self._reactor, _gone_after_timeout)
        await self._greeted
        await self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Deferred[Any]:
        """As `execute_with`; names of arguments with dashes are written with underscores."""
        return self.execute_with(
            command, {key.replace("_", "-"): value for key, value in arguments.items()}
        )

    def execute_with(self, command: str, arguments: Mapping[str, Any]) -> Deferred[Any]:
        """The command's result; fails with QmpRefused, or QmpGone after 10 s without an answer."""
        answer: Deferred[Any] = Deferred()
        if self._is_lost or self.transport is None:
            answer.errback(QmpGone(command))
            return answer
        self._number += 1
        number = self._number
        self._asked[number] = answer
        self.transport.write(encode_command(number, command, arguments))
        answer.addTimeout(COMMAND_TIMEOUT_S, self._reactor, _gone_after_timeout)
        return answer.addBoth(self._forget, number)

    def close(self) -> None:
        """Hang up; the guest runs on."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes came."""
        try:
            for message in self._decoder.feed(data):
                self._received(message)
        except QmpBroken:
            self.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the connection is gone."""
        self._is_lost = True
        for answer in [self._greeted, *self._asked.values()]:
            if not answer.called:
                answer.errback(QmpGone("connection lost"))
        self._greeted.addErrback(lambda _: None)
        self.lost.callback(None)

    def _forget(self, result: Any, number: int) -> Any:
        self._asked.pop(number, None)
        return result

    def _received(self, message: object) -> None:
        match message:
            case Greeting():
                if not self._greeted.called:
                    self._greeted.callback(None)
            case Reply(number, value):
                answer = self._asked.get(number or 0)
                if answer is not None and not answer.called:
                    answer.callback(value)
            case Refusal(number, kind, text):
                answer = self._asked.get(number or 0)
                if answer is not None and not answer.called:
                    answer.errback(QmpRefused(kind, text))
            case Event():
                self._on_event(message)


def _gone_after_timeout(result: Any, timeout: float) -> Any:
    raise QmpGone(f"no answer within {timeout} s")


async def connect(
    reactor: Any,
    path: str,
    on_event: Callable[[Event], None],
    patience_s: float = CONNECT_TIMEOUT_S,
) -> QmpLink:
    """
    A negotiated connection to the QEMU at `path`.  Raises QmpGone, QmpRefused.

    patience_s: how long QEMU may take to greet.
    """
    link = QmpLink(reactor, on_event)
    endpoint = UNIXClientEndpoint(reactor, path, timeout=CONNECT_TIMEOUT_S)
    try:
        await connectProtocol(endpoint, link)
    except Exception as error:
        raise QmpGone(f"{path}: {error}") from error
    try:
        await link.ready(patience_s)
    except Exception:
        link.close()
        raise
    return link
