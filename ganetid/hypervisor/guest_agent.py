"""
A conversation with the guest agent, at the socket of its channel.

What comes is from the guest, so it may be anything: the answer that counts is the one that
follows our own mark, it is bounded, and it comes in time or not at all.
Source: QEMU's docs/interop/qemu-ga, qga/qapi-schema.json (guest-sync-delimited).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ganetid.opcodes.errors import HypervisorError

MAX_LINE = 1024 * 1024
MARK = b"\xff"


class AgentAnswers(Protocol):
    """Lines that the agent writes, one after the other, on demand."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._lines: list[bytes] = []
        self._waiting: Deferred[bytes] | None = None
        self._is_lost = False

    def next_line(self) -> Deferred[bytes]:
        """The next line; fails with HypervisorError when there will be none."""
        self._waiting = Deferred()
        answer = self._waiting
        self._serve()
        return answer

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes came."""
        self._pending += data
        *lines, rest = bytes(self._pending).split(b"\n")
        self._pending = bytearray(rest)
        self._lines += lines
        if len(rest) + sum(map(len, self._lines)) > MAX_LINE and self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
        self._serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the connection is gone."""
        self._is_lost = True
        self._serve()

    def _serve(self) -> None:
        if self._waiting is None:
            return
        waiting = self._waiting
        if self._lines:
            self._waiting = None
            waiting.callback(self._lines.pop(0))
        elif self._is_lost:
            self._waiting = None
            waiting.errback(HypervisorError("the agent's channel was closed"))


async def ask_agent(
    reactor: Any, socket: str, command: str, arguments: Mapping[str, Any], timeout_s: float
) -> Any:
    """
    The agent's answer.

    Raises HypervisorError when none comes within the time, or the agent refuses.
    """
    link = AgentAnswers()
    endpoint = UNIXClientEndpoint(reactor, socket, timeout=timeout_s)
    try:
        await connectProtocol(endpoint, link)
    except Exception as error:
        raise HypervisorError(f"the channel of the guest agent is closed: {error}") from error
    talk: Deferred[Any] = Deferred.fromCoroutine(_talk(link, command, arguments))
    try:
        return await talk.addTimeout(timeout_s, reactor, _no_answer)
    finally:
        if link.transport is not None:
            link.transport.abortConnection()  # type: ignore[attr-defined]


async def _talk(link: AgentAnswers, command: str, arguments: Mapping[str, Any]) -> Any:
    number = secrets.randbelow(2**31)
    # The mark makes the agent forget half a command that somebody left; it answers with one too.
    link.transport.write(MARK + _line("guest-sync-delimited", {"id": number}))  # type: ignore[union-attr]
    while True:
        line = await link.next_line()
        if MARK in line and _decoded(line.rpartition(MARK)[2]).get("return") == number:
            break
    link.transport.write(_line(command, arguments))  # type: ignore[union-attr]
    answer = _decoded(await link.next_line())
    if "error" in answer:
        error = answer["error"]
        text = error.get("desc", error) if isinstance(error, dict) else error
        raise HypervisorError(f"the guest agent refuses {command}: {text}")
    return answer.get("return")


def _line(command: str, arguments: Mapping[str, Any]) -> bytes:
    message: dict[str, Any] = {"execute": command}
    if arguments:
        message["arguments"] = dict(arguments)
    return json.dumps(message).encode("ascii") + b"\n"


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _no_answer(result: Any, timeout_s: float) -> Any:
    raise HypervisorError(f"no guest agent answered within {timeout_s:g} s")
