"""
INode of another machine: calls by node RPC, and what its stream of news tells.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from zope.interface import classImplements

from ganetid.node.facts import NodeFacts
from ganetid.node.interface import Abilities, EndListener, INode
from ganetid.node.membership import OlderMaster
from ganetid.node.news import Bulletin, Heard
from ganetid.node.rpc.calls import CALLS, Call, decode_result, encode, error_from_wire
from ganetid.node.rpc.client import NodeClient, Rejected, Reply, Unreachable
from ganetid.node.rpc.node_doors import Answer
from ganetid.opcodes.errors import OpExecError

SILENCE_S = 5.0  # after so much, ticks come every second, the node counts as unreachable
RETRY_S = 0.2
COMES_BACK_S = 3.0
LONGEST_RETRY_S = 5.0


class Lines(Protocol):
    """Cuts a stream into lines; `ended` fires when it is over."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._rest = b""
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line)

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # noqa: B008
        if not self.ended.called:
            self.ended.callback(None)

    def drop(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.loseConnection()  # type: ignore[unused-ignore]


class RemoteNode:
    """
    INode by node RPC.  Call `begin` first.

    ran_before: what ran when it was last reachable; None: it never was.
    came: is awaited each time the node becomes reachable, before it counts as such.
    lost: is called when it is reachable no more.
    progressed: is told how far the making of an instance there is.
    deposed: is called when the node follows a newer master than us.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        client: NodeClient,
        came: Callable[[RemoteNode], Any],
        lost: Callable[[RemoteNode], None],
        deposed: Callable[[OlderMaster], None],
    ) -> None:
        self.name = client.name
        self.client = client
        self._reactor = reactor
        self._came = came
        self._lost = lost
        self._deposed = deposed
        self._heard = Heard()
        self._listeners: list[EndListener] = []
        self.progressed: Callable[[Mapping[str, Any]], None] = lambda body: None
        self.is_reachable = False
        self.ran_before: frozenset[str] | None = None
        self.unreachable_since: float = reactor.seconds()
        self._lines: Lines | None = None
        self._silence: Any = None
        self._closed = False
        self._asked: set[Deferred[Reply]] = set()
        self._following: Deferred[None] | None = None

    @property
    def abilities(self) -> Abilities:
        """See INode.  Raises OpExecError for a node that was never reached."""
        if self._heard.abilities is None:
            raise OpExecError(f"Node {self.name} was not reached yet")
        return self._heard.abilities

    @property
    def running(self) -> frozenset[str]:
        """See INode; of a node that is away, as last heard."""
        return self._heard.running

    @property
    def known_facts(self) -> NodeFacts | None:
        """Its resources as last told."""
        return self._heard.facts

    def begin(self) -> None:
        """Keep a stream of its news."""
        self._following = Deferred.fromCoroutine(self._follow())
        self._following.addErrback(self._broke)

    def watch(self, listener: EndListener) -> None:
        """See INode."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """See INode."""
        self._closed = True
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        if self._lines is not None:
            self._lines.drop()
        if self._following is not None:
            self._following.cancel()
        await self.client.close()
        for asked in list(self._asked):
            asked.cancel()

    async def call(self, call: Call, arguments: list[Any]) -> Any:
        """The result of a call, made once the node was taken up.  Raises OpcodeError."""
        if self._closed or not await self._is_there():
            raise OpExecError(f"Node {self.name} can't be reached", nothing_made=True)
        return await self._ask(call, arguments)

    async def call_named(self, name: str, *arguments: Any) -> Any:
        """The same, for what has to be done before it counts as taken up."""
        return await self._ask(CALLS[name], list(arguments))

    async def _is_there(self) -> bool:
        """Whether it is reachable; one that was only just lost is waited for."""
        deadline = self._reactor.seconds() + COMES_BACK_S
        while not self.is_reachable and self._reactor.seconds() < deadline and not self._closed:
            await deferLater(self._reactor, RETRY_S / 2)
        return self.is_reachable

    async def _ask(self, call: Call, arguments: list[Any]) -> Any:
        headers = {
            "x-ganetid-incarnation": self._heard.incarnation,
            "x-ganetid-of": self._heard.incarnation,
            "x-ganetid-running": str(self._heard.version or 0),
        }
        try:
            reply = await self._while_there(
                self.client.repeat(
                    f"call/{call.name}", encode(arguments), headers, call.patience_s(arguments)
                )
            )
        except Unreachable as error:
            outcome = "may or may not have been done" if error.was_sent else "was not done"
            raise OpExecError(
                f"Node {self.name} did not answer ({error}): {call.name} {outcome}",
                nothing_made=not error.was_sent,
            ) from error
        except CancelledError as error:
            raise OpExecError(
                f"Node {self.name} fell silent: {call.name} may or may not have been done"
            ) from error
        except Rejected as error:
            raise OpExecError(f"Node {self.name} refused {call.name}: {error}") from error
        except OlderMaster as older:
            self._deposed(older)
            raise OpExecError(f"Node {self.name} refused {call.name}: {older}") from older
        answer = msgspec.msgpack.decode(reply.body, type=Answer)
        if answer.running is not None and answer.incarnation == self._heard.incarnation:
            self._heard = self._heard.changed(answer.running)
        if answer.error is not None:
            raise error_from_wire(answer.error)
        return decode_result(call, bytes(answer.result))

    async def _while_there(self, asking: Coroutine[Any, Any, Reply]) -> Reply:
        """What is asked of a machine that falls silent is not waited for."""
        asked = Deferred.fromCoroutine(asking)
        self._asked.add(asked)
        try:
            return await asked
        finally:
            self._asked.discard(asked)

    async def _follow(self) -> None:
        delay_s = RETRY_S
        while not self._closed:
            try:
                await self._follow_once()
                delay_s = RETRY_S
            except (Unreachable, Rejected) as error:
                self._log.debug("node {name}: {error}", name=self.name, error=error)
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
            except OlderMaster as older:
                self._deposed(older)
                delay_s = LONGEST_RETRY_S
            if not self._closed:
                self._is_away()
                await deferLater(self._reactor, delay_s)

    async def _follow_once(self) -> None:
        lines = self._lines = Lines(self._hear)
        headers = {
            "x-ganetid-of": self._heard.incarnation,
            "x-ganetid-ends-after": str(self._heard.last_end),
        }
        await self.client.stream("news", headers, lines)
        self._await_line()
        await lines.ended

    def _hear(self, line: bytes) -> None:
        if self._closed:
            return
        bulletin = msgspec.json.decode(line, type=Bulletin)
        self._heard, ends = self._heard.told(bulletin)
        self._await_line()
        for end in ends:
            for listener in self._listeners:
                listener(end)
        if bulletin.progress is not None:
            self.progressed(bulletin.progress)
        if bulletin.abilities is not None:
            Deferred.fromCoroutine(self._arrive()).addErrback(self._did_not_arrive)

    async def _arrive(self) -> None:
        await self._came(self)
        if self._lines is not None and not self._lines.ended.called:
            self.is_reachable = True
            self._log.info("node {name} is reachable", name=self.name)

    def _did_not_arrive(self, failure: Failure) -> None:
        if self._closed:
            return
        self._log.warn(
            "node {name} could not be taken up: {reason}",
            name=self.name,
            reason=failure.getErrorMessage(),
        )
        if self._lines is not None:
            self._lines.drop()

    def _await_line(self) -> None:
        if self._closed:
            return
        if self._silence is not None and self._silence.active():
            self._silence.reset(SILENCE_S)
        else:
            self._silence = self._reactor.callLater(SILENCE_S, self._is_silent)

    def _is_silent(self) -> None:
        """A machine that is gone closes no connection."""
        if self._lines is not None and self._lines.transport is not None:
            transport: Any = self._lines.transport
            getattr(transport, "abortConnection", transport.loseConnection)()
            self._lines.connectionLost()
        for asked in list(self._asked):
            asked.cancel()

    def _is_away(self) -> None:
        if self.is_reachable:
            self.is_reachable = False
            self.ran_before = self._heard.running
            self.unreachable_since = self._reactor.seconds()
            self._log.warn("node {name} can't be reached", name=self.name)
            self._lost(self)

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self._log.failure("the news of {name} are not followed", failure, name=self.name)


def _method(call: Call) -> Any:
    async def method(self: RemoteNode, *given: Any, **named: Any) -> Any:
        return await self.call(call, call.arguments(given, named))

    method.__name__ = call.name
    return method


for _call in CALLS.values():
    setattr(RemoteNode, _call.name, _method(_call))
_declare: Any = classImplements  # the checker does not see methods that a table makes
_declare(RemoteNode, INode)
