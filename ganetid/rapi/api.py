"""
What the handlers of the remote API have at hand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.jobs.queue import JobQueue, Order
from ganetid.node.registry import Nodes
from ganetid.opcodes.definition import Opcode
from ganetid.rapi.arguments import Call
from ganetid.rapi.users import READ, WRITE

OPEN: frozenset[str] = frozenset()
READERS = frozenset({READ, WRITE})
WRITERS = frozenset({WRITE})


@frozen
class Api:
    """The cluster as the remote API reaches it.  hypervisor_version: QEMU's, when known."""

    cluster: Configuration
    nodes: Nodes
    queue: JobQueue
    opcodes: Mapping[str, Opcode]


Answer = Callable[[Api, Call], Awaitable[Any]]


@frozen
class Verb:
    """
    What a method does on a resource.

    access: a user needs one of these rights; empty: anybody, also without credentials.
    """

    answer: Answer
    access: frozenset[str]


def reads(answer: Callable[[Api, Call], Any]) -> Verb:
    """An answer from memory, for anybody."""

    async def respond(api: Api, call: Call) -> Any:
        return answer(api, call)

    return Verb(respond, OPEN)


def submits(
    op_id: str, static: Callable[[Call], Mapping[str, Any]], takes_body: bool = True
) -> Verb:
    """A job of one opcode; answers its id.  `static`: parameters that the URL decides."""

    async def respond(api: Api, call: Call) -> int:
        fixed = {**static(call), "reason": _reason(call)}
        given = call.parameters(fixed, api.opcodes[op_id].renamed) if takes_body else fixed
        return await api.queue.submit(Order(((op_id, given),), call.effect))

    return Verb(respond, WRITERS)


def _reason(call: Call) -> list[list[Any]]:
    """The start of Ganeti's reason trail; without times, so that a repeated call is the same."""
    return [["gnt:user", text, 0] for text in call.words("reason")]
