"""
What the handlers of the remote API have at hand.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import field, frozen

from ganetid.cluster.configuration import Configuration
from ganetid.events.feed import EventFeed
from ganetid.events.webhooks import Webhooks
from ganetid.jobs.queue import JobQueue, Order
from ganetid.node.registry import Nodes
from ganetid.opcodes.context import Ops
from ganetid.opcodes.definition import Opcode
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault
from ganetid.rapi.kept import Kept
from ganetid.rapi.metrics import Meter
from ganetid.rapi.rights import READ, WRITE

OPEN: frozenset[str] = frozenset()
READERS = frozenset({READ, WRITE})
WRITERS = frozenset({WRITE})
SOURCE_USER = "gnt:user"
SOURCE_LIBRARY = "gnt:library:rlib2"


@frozen
class Api:
    """
    The cluster as the remote API reaches it.

    strict: answers have Ganeti 3.0.2's status codes also where those mislead.
    meter, kept: what is counted, and answers that are kept.
    feed, hooks: events, and who wants them posted.
    """

    cluster: Configuration
    nodes: Nodes
    queue: JobQueue
    opcodes: Mapping[str, Opcode]
    strict: bool = False
    meter: Meter = field(factory=Meter)
    kept: Kept = field(factory=Kept)
    feed: EventFeed | None = None
    hooks: Webhooks | None = None


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
    With ``dry-run`` in the query nothing is done, also where a Ganeti would not look at that.
    """

    async def respond(api: Api, call: Call) -> int:
        opcode = opcode_of(api, op_id)
        fixed = {**if_asked_dry(call), **static(call), "reason": reason(call, op_id)}
        given = fixed
        if takes_body:
            content = call.body if body is None else body(call)
            given = call.parameters(fixed, opcode.renamed, content)
        return await order(api, call, ((op_id, given),))

    return Verb(respond, access, op_id)


def of_item(parameter: str, *flags: str, dry: bool = True) -> Static:
    """
    What the URL decides: the object that the path names, and flags of the query.

    dry: dry-run too; at some resources a Ganeti takes it in the body instead.
    """

    def static(call: Call) -> Mapping[str, Any]:
        given = {parameter: call.items[0], **{flag: call.flag(flag) for flag in flags}}
        return {**given, **if_dry(call)} if dry else given

    return static


def if_dry(call: Call) -> Mapping[str, Any]:
    """What the URL decides where the path names nothing."""
    return {"dry_run": call.dry_run}


def if_asked_dry(call: Call) -> Mapping[str, Any]:
    """The same, unless the query does not speak of it."""
    return if_dry(call) if "dry-run" in call.query else {}


async def order(api: Api, call: Call, ops: Ops) -> int:
    """The id of a new job of these opcodes, which remembers who wanted it."""
    return await api.queue.submit(Order(ops, call.effect, caller=call.caller_label))


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
