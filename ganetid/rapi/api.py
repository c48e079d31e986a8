"""
What the handlers of the remote API have at hand.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.jobs.queue import JobQueue, Order
from ganetid.node.registry import Nodes
from ganetid.opcodes.definition import Opcode
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.users import READ, WRITE

OPEN: frozenset[str] = frozenset()
READERS = frozenset({READ, WRITE})
WRITERS = frozenset({WRITE})
SOURCE_USER = "gnt:user"
SOURCE_LIBRARY = "gnt:library:rlib2"


@frozen
class Api:
    """The cluster as the remote API reaches it."""

    cluster: Configuration
    nodes: Nodes
    queue: JobQueue
    opcodes: Mapping[str, Opcode]


Answer = Callable[[Api, Call], Awaitable[Any]]
Static = Callable[[Call], Mapping[str, Any]]
Body = Callable[[Call], Any]


@frozen
class Verb:
    """
    What a method does on a resource.

    access: a user needs one of these rights; empty: anybody, also without credentials.
    op_id: of the job that it makes, if it makes one.
    """

    answer: Answer
    access: frozenset[str]
    op_id: str | None = None


def reads(answer: Callable[[Api, Call], Any]) -> Verb:
    """An answer from memory, for anybody."""

    async def respond(api: Api, call: Call) -> Any:
        return answer(api, call)

    return Verb(respond, OPEN)


def submits(
    op_id: str,
    static: Static,
    body: Body | None = None,
    takes_body: bool = True,
    access: frozenset[str] = WRITERS,
) -> Verb:
    """
    A job of one opcode; answers its id.

    static: parameters that the URL decides.  body: what stands for the request's body.
    """

    async def respond(api: Api, call: Call) -> int:
        opcode = opcode_of(api, op_id)
        fixed = {**static(call), "reason": reason(call, op_id)}
        given = fixed
        if takes_body:
            content = call.body if body is None else body(call)
            given = call.parameters(fixed, opcode.renamed, content)
        return await api.queue.submit(Order(((op_id, given),), call.effect))

    return Verb(respond, access, op_id)


def opcode_of(api: Api, op_id: str) -> Opcode:
    """The opcode.  Raises Fault 501 for one that this daemon has not."""
    opcode = api.opcodes.get(op_id)
    if opcode is None:
        raise Fault(501, f"{op_id} is not supported")
    return opcode


def reason(call: Call, op_id: str) -> list[list[Any]]:
    """Ganeti's reason trail: why, by which part of the program, and when in nanoseconds."""
    now = time.time_ns()
    name = op_id.removeprefix("OP_").lower()
    trail = [[SOURCE_USER, text, now] for text in call.words("reason")[:1] if text]
    return [*trail, [f"{SOURCE_LIBRARY}:{name}", "", now]]
