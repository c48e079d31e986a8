"""
What a node answers its master: calls of INode, the stream of news, and views of the cluster.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import field, frozen
from twisted.logger import Logger

from ganetid.node.machine import Node
from ganetid.node.membership import Membership, View
from ganetid.node.news import Newsroom, Running
from ganetid.node.rpc.answered import Answered
from ganetid.node.rpc.calls import CALLS, Call, decode_arguments, encode, error_to_wire
from ganetid.node.rpc.server import GONE, MASTER, MEMBER, NOT_FOUND, Asked, Door, Refused
from ganetid.node.rpc.underway import Underway
from ganetid.opcodes.errors import OpcodeError, OpExecError


class Answer(msgspec.Struct, array_like=True):
    """
    The answer to a call.

    result: encoded by itself.  error: see `error_to_wire`.  running: what changed since the
    version that the caller knew.
    """

    incarnation: str
    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: list[Any] | None = None
    running: Running | None = None


UNHEARD_MS = 8000


def break_when_unheard(transport: Any) -> None:
    """
    Close the connection when the other end acknowledges nothing for 8 s.

    A master whose machine lost its power closes nothing, and would count as heard for minutes.
    """
    while transport is not None:
        found = getattr(transport, "socket", None)
        if isinstance(found, socket.socket):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
            return
        transport = getattr(transport, "transport", None)


@frozen
class NodeDoors:
    """
    Doors of a node.

    deposed: is called when another node has become master than the one known so far.
    underway: what masters have asked of this node.
    """

    node: Node
    newsroom: Newsroom
    membership: Membership
    deposed: Callable[[], None]
    underway: Underway
    _answered: Answered = field(factory=Answered)
    _log = Logger()

    def doors(self) -> dict[str, Door]:
        """By the first word of the path."""
        return {
            "call": Door(self._call, MASTER),
            "news": Door(self._stream, MASTER),
            "view": Door(self._view, MEMBER),
        }

    async def _view(self, asked: Asked) -> bytes:
        told = msgspec.json.decode(asked.body, type=View)
        assert asked.peer is not None
        if await self.membership.take(asked.peer.name, asked.peer.fingerprint, told):
            self.deposed()
        return b"{}"

    async def _call(self, asked: Asked) -> bytes:
        call = CALLS.get(asked.path[-1])
        if call is None or len(asked.path) != 2:
            raise Refused(NOT_FOUND, b"no such call")
        request = asked.header("x-ganetid-request")
        before = asked.header("x-ganetid-incarnation")
        if (
            before not in {"", self.newsroom.incarnation}
            and not call.repeatable
            and not self._answered.knows(request)
        ):
            raise Refused(GONE, b"the node's daemon was started again meanwhile")
        arguments = decode_arguments(call, asked.body)
        await self._after_former(asked)
        perform = self._performing(call, arguments, asked.epoch)
        outcome = await self._answered.answer(request, perform)
        answer = msgspec.msgpack.decode(outcome, type=Answer)
        known = asked.header("x-ganetid-running")
        if known.isdecimal() and asked.header("x-ganetid-of") == self.newsroom.incarnation:
            answer.running = self.newsroom.changes_since(int(known))
        return encode(answer)

    async def _after_former(self, asked: Asked) -> None:
        """Nothing is done for a master before what former ones asked for is done."""
        await self.underway.former_ended(asked.epoch)
        assert asked.peer is not None
        self.membership.check_master(asked.peer.name, asked.peer.fingerprint, asked.epoch)

    def _performing(
        self, call: Call, arguments: list[Any], epoch: int
    ) -> Callable[[], Awaitable[bytes]]:
        async def perform() -> bytes:
            answer = Answer(self.newsroom.incarnation)
            try:
                with self.underway.during(call, epoch):
                    result = await getattr(self.node, call.name)(*arguments)
                answer.result = msgspec.Raw(encode(result))
            except OpcodeError as error:
                answer.error = error_to_wire(error)
            except Exception as error:  # noqa: BLE001 - the edge of a service: logged
                self._log.failure("{call} broke", call=call.name)
                reason = f"Unexpected {type(error).__name__}, see the log of {self.node.name}"
                answer.error = error_to_wire(OpExecError(reason))
            return encode(answer)

        return perform

    async def _stream(self, asked: Asked) -> None:
        request = asked.request
        after = asked.header("x-ganetid-ends-after")
        of_us = asked.header("x-ganetid-of") == self.newsroom.incarnation
        break_when_unheard(request.channel.transport)
        request.notifyFinish().addBoth(lambda _: self.newsroom.forget(request.write))
        await self.newsroom.listen(request.write, int(after) if of_us and after.isdecimal() else 0)
