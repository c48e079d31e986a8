"""
Which job is next: rules, dependencies, rate limits and locks, in this order.

A job that nothing but a lock keeps back stands in line for its locks and holds its place there.
Nothing here takes longer for there being many jobs, except a change of the rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from ganetid.jobs.dependencies import Decision, Dependents, Verdict, decide
from ganetid.jobs.filters import FilterRules
from ganetid.jobs.locks import Key, Lock, LockState, LockTable
from ganetid.jobs.model import Job
from ganetid.jobs.rate_limits import RateLimit, RateLimits, from_reasons

HIGHEST_PRIORITY = -20
ERRAND_PRIORITY = -100
# Ganeti lets a normal job have the highest priority after ten hours at a lock.
AGE_S = 10 * 3600 / -HIGHEST_PRIORITY


class Scheduler:
    """
    Jobs that wait, and what those hold that run.

    Jobs are also errands: work without a job, with negative numbers, before all others.
    """

    def __init__(
        self, pending: Mapping[int, Job], locks_of: Callable[[Job], tuple[Lock, ...]]
    ) -> None:
        """pending: all jobs that have not ended, by number."""
        self.rules = FilterRules()
        self.dependents = Dependents()
        self._pending = pending
        self._locks_of = locks_of
        self._table = LockTable()
        self._rates = RateLimits()
        self._ages: deque[tuple[float, int]] = deque()
        self._aged: dict[int, int] = {}

    def consider(self, job: Job, now: float) -> Decision:
        """
        Put the job where it has to wait.

        READY: it stands in line; WAIT: it waits for something else; other verdicts: it is to be
        ended, and waits nowhere.  A job that has its place keeps it.
        """
        if self._table.is_waiting(job.id):
            return Decision(Verdict.READY)
        if self._rates.is_waiting(job.id):
            return Decision(Verdict.WAIT)
        ruling = self.rules.ruling(job)
        if ruling.rejected:
            return Decision(Verdict.CANCEL)
        decision = decide(job, self._status_of)
        if decision.verdict is not Verdict.READY:
            return decision
        if not ruling.runs:
            return Decision(Verdict.WAIT)
        if not self._rates.enter(job.id, job.priority, self._limits_of(job, ruling.limit)):
            return Decision(Verdict.WAIT)
        self._line_up(job, now)
        return decision

    def resume(self, job: Job) -> None:
        """The job is at work from before."""
        self._table.hold(job.id, self._locks_of(job))
        self._rates.count(job.id, self._limits_of(job, self.rules.ruling(job).limit))

    def errand(self, number: int, locks: tuple[Lock, ...]) -> None:
        """An errand lines up."""
        self._table.enter(number, ERRAND_PRIORITY, locks)

    def first(self) -> Key | None:
        """(priority, number) of who may start now; None: nobody may."""
        return self._table.first()

    def take(self, number: int) -> None:
        """Whom `first` named starts."""
        self._aged.pop(number, None)
        self._table.take(number)

    def withdraw(self, number: int, now: float) -> None:
        """The job or errand waits or runs no longer; others may get what it held."""
        self._aged.pop(number, None)
        self._table.leave(number)
        for freed in self._rates.leave(number):
            job = self._pending.get(freed)
            if job is not None:
                self._line_up(job, now)

    def newly_blocked(self) -> list[int]:
        """Those of whom it was found since the last call that they have to wait for a lock."""
        return self._table.newly_parked()

    def recount(self, job: Job) -> None:
        """The job is at work, and the rules have changed."""
        self._rates.leave(job.id)
        self._rates.count(job.id, self._limits_of(job, self._limit(job)))

    def locks(self) -> list[LockState]:
        """All locks that somebody holds or waits for."""
        return self._table.states()

    def move(self, job: Job) -> None:
        """The priority of a waiting job is another now."""
        if self._table.is_waiting(job.id):
            self._table.leave(job.id)
            self._table.enter(job.id, job.priority, self._locks_of(job))
        elif self._rates.is_waiting(job.id):
            self._rates.leave(job.id)
            self._rates.enter(job.id, job.priority, self._limits_of(job, self._limit(job)))

    def age(self, now: float) -> None:
        """Who has stood in line for long stands further in front."""
        while self._ages and self._ages[0][0] <= now:
            _, number = self._ages.popleft()
            job = self._pending.get(number)
            if job is None or not self._table.is_waiting(number):
                continue
            priority = self._aged.get(number, job.priority) - 1
            if priority < HIGHEST_PRIORITY:
                continue
            self._aged[number] = priority
            self._table.leave(number)
            self._table.enter(number, priority, self._locks_of(job))
            self._ages.append((now + AGE_S, number))

    def _line_up(self, job: Job, now: float) -> None:
        self._table.enter(job.id, job.priority, self._locks_of(job))
        self._ages.append((now + AGE_S, job.id))

    def _limit(self, job: Job) -> RateLimit | None:
        return self.rules.ruling(job).limit

    def _limits_of(self, job: Job, limit: RateLimit | None) -> tuple[RateLimit, ...]:
        limits = from_reasons(job)
        return limits if limit is None else (*limits, limit)

    def _status_of(self, job_id: int) -> str | None:
        job = self._pending.get(job_id)
        return self.dependents.status(job_id) if job is None else job.status
