"""
What jobs at work share, and the surroundings of one of their opcodes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, Instance
from ganetid.events.messages import Newsroom
from ganetid.hooks.runner import HookRunner
from ganetid.jobs.journal import Commit
from ganetid.jobs.model import Job
from ganetid.jobs.stamps import Stamps
from ganetid.node.registry import Nodes
from ganetid.opcodes.context import Context, Log, Ops
from ganetid.opcodes.definition import Opcode


@frozen
class Desk:
    """What every job at work shares.  hooks: are run around opcodes; None: there are none."""

    opcodes: Mapping[str, Opcode]
    cluster: Configuration
    nodes: Nodes
    stamps: Stamps
    newsroom: Newsroom
    now: Callable[[], float]
    hooks: HookRunner | None = None


@frozen
class Ledger:
    """
    The queue's side of a job at work.

    commit: makes a Commit durable, takes its changes over and sends its news.
    show: tells who waits that the job is now so, and that is durable.
    log: tells who waits that the job has a new log entry, durable within a second.
    submit: makes a job of these opcodes for the job, once for each effect.
    """

    commit: Callable[[Commit], Awaitable[None]]
    show: Callable[[Job], None]
    log: Callable[[Job], None]
    submit: Callable[[Job, Ops, str], Awaitable[int]]


@frozen
class Surroundings:
    """
    The side of a Context that belongs to one opcode of one job.

    check_cancelled: raises Cancelled when somebody wants the job to stop.
    before: runs pre hooks, which are told of an instance.
    """

    private: Mapping[str, Any]
    made: Mapping[str, Any]
    log: Log
    note: Callable[[Mapping[str, Any]], Awaitable[None]]
    keep: Callable[[tuple[Change, ...]], Awaitable[None]]
    submit: Callable[[Ops, str], Awaitable[int]]
    check_cancelled: Callable[[], None]
    before: Callable[[Instance], Awaitable[None]]


def context_of(desk: Desk, around: Surroundings) -> Context:
    """What an opcode may use while it runs; the only place where one is made."""
    return Context(
        cluster=desk.cluster,
        nodes=desk.nodes,
        private=around.private,
        made=around.made,
        log=around.log,
        note=around.note,
        keep=around.keep,
        now=desk.now,
        submit=around.submit,
        check_cancelled=around.check_cancelled,
        before=around.before,
    )
