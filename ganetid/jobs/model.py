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

Stamp = int


@frozen
class LogEntry:
    """One line of an opcode's log; `serial` increases across the job."""

    serial: int
    at: Stamp
    text: str


@frozen
class Op:
    """
    One opcode of a job.

    input: its parameters with defaults and OP_ID; private ones already censored.
    """

    input: dict[str, Any]
    status: str = QUEUED
    result: Any = None
    log: tuple[LogEntry, ...] = ()
    start: Stamp | None = None
    executed: Stamp | None = None
    end: Stamp | None = None

    @property
    def op_id(self) -> str:
        """The opcode's name, OP_INSTANCE_CREATE for example."""
        return str(self.input["OP_ID"])


@frozen
class Job:
    """
    A job.

    made: what a running opcode noted down before it made it, for whoever cleans up after a crash.
    """

    id: int
    ops: tuple[Op, ...]
    received: Stamp
    start: Stamp | None = None
    end: Stamp | None = None
    effect: str | None = None
    made: dict[str, Any] = field(factory=dict)

    @property
    def status(self) -> str:
        """The job's status, derived from its opcodes' as Ganeti does."""
        return job_status([op.status for op in self.ops])

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.status in FINAL

    @property
    def priority(self) -> int:
        """-20 (first) to 19 (last)."""
        return min(int(op.input.get("priority") or 0) for op in self.ops)

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
        return 1 + max((entry.serial for op in self.ops for entry in op.log), default=0)


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
