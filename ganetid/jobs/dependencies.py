"""
What a job's dependencies say about it, and who depends on whom.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import frozen

from ganetid.jobs.model import CANCELED, FINAL, Job

CANCELED_RESULT = "Job canceled by request"  # what such an opcode has for a result in Ganeti


class Verdict(Enum):
    """What to do with a job that depends on others."""

    READY = "ready"
    WAIT = "wait"
    CANCEL = "cancel"
    FAIL = "fail"


@frozen
class Decision:
    """A verdict, and its reason when the job fails or is cancelled."""

    verdict: Verdict
    reason: str | None = None


def decide(job: Job, status_of: Callable[[int], str | None]) -> Decision:
    """
    Whether `job` may run.

    status_of: a job's status, None for a job that is unknown.
    An empty list of statuses means any final one except canceled (Ganeti).
    """
    for job_id, wanted in job.depends:
        status = status_of(job_id)
        if status is None:
            return Decision(Verdict.FAIL, f"Dependency job {job_id} was not found")
        if status not in FINAL:
            return Decision(Verdict.WAIT)
        accepted = wanted or tuple(FINAL - {CANCELED})
        if status in accepted:
            continue
        if status == CANCELED:
            return Decision(Verdict.CANCEL, CANCELED_RESULT)
        listed = ", ".join(f"'{name}'" for name in sorted(accepted))
        return Decision(
            Verdict.FAIL,
            f"Dependency job {job_id} finished with status '{status}',"
            f" not one of {listed} as required",
        )
    return Decision(Verdict.READY)


class Dependents:
    """
    Jobs that others depend on, and how those ended that did.

    A job is watched from before its dependents are stored, so that no end goes unnoticed, until
    the last of them is let go.
    """

    def __init__(self) -> None:
        self._of: dict[int, set[int]] = {}
        self._ended: dict[int, str | None] = {}

    def add(self, job: Job) -> None:
        """This job waits for those it depends on."""
        for job_id, _ in job.depends:
            self._of.setdefault(job_id, set()).add(job.id)

    def let_go(self, job: Job) -> None:
        """This job waits no longer.  Harmless for one that does not."""
        for job_id, _ in job.depends:
            dependents = self._of.get(job_id)
            if dependents is None:
                continue
            dependents.discard(job.id)
            if not dependents:
                del self._of[job_id]
                self._ended.pop(job_id, None)

    def ended(self, job_id: int, status: str | None) -> list[int]:
        """How a job ended; None: there never was one.  Those who depended on it, ascending."""
        if job_id not in self._of:
            return []
        self._ended[job_id] = status
        return sorted(self._of[job_id])

    def knows(self, job_id: int) -> bool:
        """Whether it is known how this job ended."""
        return job_id in self._ended

    def status(self, job_id: int) -> str | None:
        """How it ended."""
        return self._ended.get(job_id)
