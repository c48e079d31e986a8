"""
From what somebody wants done to jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from attrs import frozen

from ganetid.jobs.model import Job, Op, Stamp, summary
from ganetid.opcodes.definition import Opcode, filled_input, parted
from ganetid.opcodes.errors import BadParameters


@frozen
class Order:
    """
    A job to be submitted.

    ops: (opcode name, parameters).  effect: whose wish it is; a second order with the same effect
    is answered with the first one's job.  caller: who orders it, for those who ask later.
    """

    ops: tuple[tuple[str, Mapping[str, Any]], ...]
    effect: str | None = None
    caller: str | None = None


@frozen
class Draft:
    """A job that has no number yet: shown parameters of its opcodes, and the private ones."""

    order: Order
    inputs: tuple[dict[str, Any], ...]
    private: dict[str, Any]


def drafted(order: Order, opcodes: Mapping[str, Opcode]) -> Draft:
    """The order with all parameters filled in.  Raises BadParameters."""
    parts = []
    for op_id, given in order.ops:
        if op_id not in opcodes:
            raise BadParameters(f"Unknown opcode '{op_id}'")
        parts.append(parted(filled_input(opcodes[op_id], given)))
    if not parts:
        raise BadParameters("A job needs at least one opcode")
    private = {key: value for _, each in parts for key, value in each.items()}
    try:
        msgspec.json.encode((parts, private))
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadParameters(f"Parameters that can't be stored: {error}") from None
    return Draft(order, tuple(shown for shown, _ in parts), private)


def numbered(draft: Draft, job_id: int, received: Stamp, opcodes: Mapping[str, Opcode]) -> Job:
    """
    The job of this number.

    Negative numbers in its dependencies count back from its own: -1 is the job before it.
    """
    ops = []
    for index, given in enumerate(draft.inputs):
        trail = (
            f"gnt:opcode:{given['OP_ID'].removeprefix('OP_').lower()}",
            f"job={job_id};index={index}",
            received * 1000,
        )
        shown = {**given, "reason": [*(given.get("reason") or ()), list(trail)]}
        if shown.get("depends"):
            shown["depends"] = [_absolute(each, job_id) for each in shown["depends"]]
        title = summary(shown, opcodes[shown["OP_ID"]].described_by)
        ops.append(Op(shown, title=title))
    order = draft.order
    return Job(job_id, tuple(ops), received, effect=order.effect, caller=order.caller)


def _absolute(dependency: Sequence[Any], job_id: int) -> list[Any]:
    number, statuses = dependency
    if number >= 0:
        return [number, statuses]
    if job_id + number < 1:
        raise BadParameters(f"Job {job_id} can't depend on one {-number} before it")
    return [job_id + number, statuses]
