"""
A job and its opcodes, as Ganeti words them: frozen values that become JSON documents.

A Stamp is microseconds since the epoch; on the wire it is ``[seconds, microseconds]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

QUEUED = "queued"
WAITING = "waiting"
CANCELING = "canceling"
RUNNING = "running"
CANCELED = "canceled"
SUCCESS = "success"
ERROR = "error"

FINAL = frozenset({CANCELED, SUCCESS, ERROR})
STATUSES = frozenset({QUEUED, WAITING, CANCELING, RUNNING}) | FINAL
EFFECT = "synnefo-effect:"  # begins the reason of a job that is a client's wish

Stamp = int


@frozen
class LogEntry:
    """
    One entry of an opcode's log; `serial` increases across the job.

    kind: "message" with a line of text; another word with whatever its reader expects.
    """

    serial: int
    at: Stamp
    text: Any
    kind: str = "message"


@frozen
class Op:
    """
    One opcode of a job.

    input: its parameters with defaults and OP_ID; private ones already censored.
    title: what a list calls it, INSTANCE_CREATE(inst1) for example.
    moved_to: its priority, when it was changed after it was submitted.
    """

    input: dict[str, Any]
    status: str = QUEUED
    result: Any = None
    log: tuple[LogEntry, ...] = ()
    start: Stamp | None = None
    executed: Stamp | None = None
    end: Stamp | None = None
    title: str = ""
    moved_to: int | None = None

    @property
    def op_id(self) -> str:
        """The opcode's name, OP_INSTANCE_CREATE for example."""
        return str(self.input["OP_ID"])

    @property
    def summary(self) -> str:
        """What a list calls it."""
        return self.title or self.op_id.removeprefix("OP_")

    @property
    def priority(self) -> int:
        """-20 (first) to 19 (last)."""
        return int(self.input.get("priority") or 0) if self.moved_to is None else self.moved_to


@frozen
class Job:
    """
    A job.

    effect: whose wish it is, in the words of a client that may repeat it.
    made: what a running opcode noted down before it made it, for whoever cleans up after a crash.
    caller: who ordered it, such as "admin from 10.0.0.1".
    """

    id: int
    ops: tuple[Op, ...]
    received: Stamp
    start: Stamp | None = None
    end: Stamp | None = None
    effect: str | None = None
    made: dict[str, Any] = field(factory=dict)
    caller: str | None = None
    archived: bool = False

    @property
    def status(self) -> str:
        """The job's status, derived from its opcodes' as Ganeti does."""
        return job_status([op.status for op in self.ops])

    @property
    def wish(self) -> str | None:
        """Its client's word for the wish that it is; None of a job that another job made."""
        effect = self.effect or ""
        return effect.removeprefix(EFFECT) if effect.startswith(EFFECT) else None

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.status in FINAL

    @property
    def priority(self) -> int:
        """The most urgent of those opcodes that are not done; -20 (first) to 19 (last)."""
        left = [op.priority for op in self.ops if op.status not in FINAL]
        return min(left or [op.priority for op in self.ops])

    @property
    def depends(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """(job id, statuses it may end with) of jobs to wait for."""
        return tuple(
            (int(job_id), tuple(statuses))
            for op in self.ops
            for job_id, statuses in (op.input.get("depends") or ())
        )

    def with_op(self, index: int, op: Op) -> Job:
        """The job with its opcode number `index` replaced."""
        return evolve(self, ops=(*self.ops[:index], op, *self.ops[index + 1 :]))

    def next_serial(self) -> int:
        """The serial number of the next log entry."""
        return 1 + max((op.log[-1].serial for op in self.ops if op.log), default=0)


def canceled(job: Job, at: Stamp, result: Any = None) -> Job:
    """The job, cancelled: those of its opcodes that are not done will never be."""
    ops = tuple(
        op if op.status in FINAL else evolve(op, status=CANCELED, result=result, end=at)
        for op in job.ops
    )
    return evolve(job, ops=ops, end=at)


def job_status(statuses: list[str]) -> str:
    """
    The status of a job whose opcodes have these.

    A job between two of its opcodes shows as queued, as in Ganeti.
    """
    for final in (ERROR, CANCELED):
        if final in statuses:
            return final
    for status in (RUNNING, CANCELING, WAITING):
        if status in statuses:
            return status
    return SUCCESS if all(status == SUCCESS for status in statuses) else QUEUED


def pair(stamp: Stamp | None) -> list[int] | None:
    """The stamp as ``[seconds, microseconds]``."""
    return None if stamp is None else [stamp // 1_000_000, stamp % 1_000_000]


def summary(op: Mapping[str, Any], described_by: str | None) -> str:
    """What Ganeti calls the opcode in a list: ``INSTANCE_CREATE(inst1)``."""
    name = str(op["OP_ID"]).removeprefix("OP_")
    if described_by is None:
        return name
    return f"{name}({op.get(described_by)})"
