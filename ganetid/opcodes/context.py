"""
What an opcode may use while it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, Instance
from ganetid.cluster.parameters import actual
from ganetid.node.interface import INode
from ganetid.node.registry import Nodes

Ops = tuple[tuple[str, Mapping[str, Any]], ...]


class Log(Protocol):
    """Adds an entry to a job's log."""

    def __call__(self, text: Any, kind: str = "message") -> None:
        """kind: Ganeti's word for what it is."""


def _never() -> None:
    """Nobody wants the job to stop."""


async def no_hooks(instance: Instance) -> None:
    """There are no hooks."""


@frozen
class Context:
    """
    An opcode's surroundings.

    private: parameters that a job never shows.
    made: what this opcode noted down before it made it (after a crash: in its former life).
    log: adds a line to the job's log; of another kind than a message, a value for programs.
    note: makes a note durable, and returns after that.
    keep: makes changes durable before the opcode has ended, and returns after that.
    now: seconds since the epoch.
    submit: makes a job of these opcodes and gives its id; the word tells it from other jobs of the
    same opcode, so that after a crash it is not made twice.
    check_cancelled: raises Cancelled when somebody wants the job to stop; for opcodes that take
    long, to be called between steps that can be undone.
    before: of an opcode that `tells_hooks`: runs its pre hooks, which are told of this instance.
    Raises HooksAbort.
    """

    cluster: Configuration
    nodes: Nodes
    private: Mapping[str, Any]
    made: Mapping[str, Any]
    log: Log
    note: Callable[[Mapping[str, Any]], Awaitable[None]]
    keep: Callable[[tuple[Change, ...]], Awaitable[None]]
    now: Callable[[], float]
    submit: Callable[[Ops, str], Awaitable[int]]
    check_cancelled: Callable[[], None] = _never
    before: Callable[[Instance], Awaitable[None]] = no_hooks

    def node_of(self, instance: Instance) -> INode:
        """The instance's primary node.  Raises OpPrereqError."""
        return self.nodes.of(instance)

    def actual(self, instance: Instance) -> Instance:
        """The instance with all its parameters filled in."""
        return actual(instance, self.cluster.facts)
