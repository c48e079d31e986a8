"""
What a job's dependencies say about it: a pure decision.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import frozen

from ganetid.jobs.model import CANCELED, FINAL, Job


class Verdict(Enum):
    """What to do with a job that depends on others."""

    READY = "ready"
    WAIT = "wait"
    CANCEL = "cancel"
    FAIL = "fail"


@frozen
class Decision:
    """A verdict, and its reason when the job fails."""

    verdict: Verdict
    reason: str = ""


def decide(job: Job, status_of: Callable[[int], str | None]) -> Decision:
    """
    Whether `job` may run.

    status_of: a job's status, None for a job that is unknown or archived.
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
            return Decision(Verdict.CANCEL)
        listed = ", ".join(f"'{name}'" for name in sorted(accepted))
        return Decision(
            Verdict.FAIL,
            f"Dependency job {job_id} finished with status '{status}',"
            f" not one of {listed} as required",
        )
    return Decision(Verdict.READY)
