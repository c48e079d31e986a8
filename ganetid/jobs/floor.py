"""
Jobs that have not ended: put where they wait, started when it is their turn, and kept in the
journal at every step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from ganetid.jobs.dependencies import Decision, Verdict
from ganetid.jobs.desk import Desk, Ledger
from ganetid.jobs.intake import Intake
from ganetid.jobs.journal import Commit, Journal, Submission
from ganetid.jobs.limits import QueueLimits, Stopped
from ganetid.jobs.listing import JobList
from ganetid.jobs.locks import Lock
from ganetid.jobs.model import FINAL, QUEUED, WAITING, Job
from ganetid.jobs.run import Run
from ganetid.jobs.scheduler import Scheduler
from ganetid.jobs.watchers import Watchers
from ganetid.opcodes.context import Ops
from ganetid.opcodes.errors import OpExecError

LOG_PATIENCE_S = 0.5


class Floor:
    """
    Where jobs wait and are at work.

    pending: all jobs that have not ended, by number.  list: for those who read jobs.
    is_open: nothing is started before it is, or after.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        journal: Journal,
        desk: Desk,
        told: Callable[[], None],
        limits: Callable[[], QueueLimits],
        submit: Callable[[Job, Ops, str], Awaitable[int]],
    ) -> None:
        """See JobQueue.  submit: makes a job for a job, once for each effect."""
        self.pending: dict[int, Job] = {}
        self.private: dict[int, dict[str, Any]] = {}
        self.scheduler = Scheduler(self.pending, self._locks_of)
        self.intake = Intake(desk, journal, limits)
        self.list = JobList(journal, self.pending)
        self.watchers = Watchers(reactor)
        self.is_open = False
        self._reactor = reactor
        self._journal = journal
        self._desk = desk
        self._ledger = Ledger(self.commit, self._show, self._show_log, submit)
        self._told = told
        self._limits = limits
        self._runs: dict[int, Deferred[None]] = {}
        self._at_work: dict[int, Run] = {}
        self._lost: set[int] = set()
        self._errands: dict[int, Deferred[None]] = {}
        self._unsaved: set[int] = set()
        self._saving: Any = None
        self._shown_waiting: set[int] = set()
        self._abandoned = False

    def is_owned(self, job_id: int) -> bool:
        """Whether the job has begun, or is just being ended."""
        return job_id in self._runs

    def at_work(self, job_id: int) -> Run | None:
        """The job as it is at work, None when it is not."""
        return self._at_work.get(job_id)

    def go_on(self, jobs: Sequence[Job]) -> None:
        """Take up jobs that were at work when ganetid died."""
        for job in jobs:
            self.scheduler.resume(job)
        for job in jobs:
            self._launch(job.id, recovering=True)

    def leave(self, patience_s: float) -> Deferred[Any]:
        """Start nothing any more; fires when all jobs at work have ended, or are given up."""
        self.is_open = False
        ended: Deferred[Any] = DeferredList(list(self._runs.values()), consumeErrors=True)
        ended.addTimeout(patience_s, self._reactor)

        def give_up(result: Any) -> None:
            self._abandoned = bool(self._runs)
            if self._saving is not None:
                self._saving.cancel()
                self._save_logs()

        return ended.addBoth(give_up)

    async def errand(self, number: int, locks: tuple[Lock, ...]) -> None:
        """Wait until the errand has its locks."""
        turn: Deferred[None] = Deferred()
        self._errands[number] = turn
        self.scheduler.errand(number, locks)
        self.pump()
        await turn

    def end_errand(self, number: int) -> None:
        """The errand needs no locks any more."""
        self._errands.pop(number, None)
        self.scheduler.withdraw(number, self._reactor.seconds())
        self.pump()

    async def enter(self, submissions: Sequence[Submission], stored: Sequence[int]) -> None:
        """Take up jobs that have just become durable, and were watched from before that."""
        entered = []
        for each, number in zip(submissions, stored, strict=True):
            if number != each.job.id:  # its effect has a job
                self.scheduler.dependents.let_go(each.job)
                continue
            self.pending[number] = each.job
            self.private[number] = each.secrets
            entered.append(each.job)
        for job in entered:
            await self.learn_ends(job)
        for job in entered:
            self.consider(job.id)
        if any(each.messages for each in submissions):
            self._told()
        self.pump()

    async def learn_ends(self, job: Job) -> None:
        """Learn how the jobs ended that it depends on."""
        for job_id, _ in job.depends:
            if job_id not in self.pending and not self.scheduler.dependents.knows(job_id):
                other = await self._journal.job(job_id)
                self.scheduler.dependents.ended(job_id, None if other is None else other.status)

    def consider(self, job_id: int) -> None:
        """Put a job that has not begun where it has to wait, or end it if it can't ever run."""
        job = self.pending.get(job_id)
        if not self.is_open or job is None or job_id in self._runs or job_id in self._lost:
            return
        decision = self.scheduler.consider(job, self._reactor.seconds())
        if decision.verdict in {Verdict.CANCEL, Verdict.FAIL}:
            Deferred.fromCoroutine(self.dispose(job_id, decision))

    def reconsider(self) -> None:
        """The rules have changed."""
        waiting = [number for number in self.pending if number not in self._runs]
        now = self._reactor.seconds()
        for number in waiting:
            self.scheduler.withdraw(number, now)
        for run in self._at_work.values():
            self.scheduler.recount(run.job)
        for number in waiting:
            self.consider(number)
        self.pump()

    def pump(self) -> None:
        """Start whoever may start."""
        if not self.is_open:
            return
        limits = self._limits()
        while (first := self.scheduler.first()) is not None:
            number = first[1]
            if number < 0:
                self.scheduler.take(number)
                self._errands[number].callback(None)
            elif len(self._at_work) < limits.running:
                self.scheduler.take(number)
                self._launch(number)
            else:
                break
        self._show_blocked(limits)

    def _show_blocked(self, limits: QueueLimits) -> None:
        """Jobs that wait for a lock show so, as many as are tracked; this is not stored."""
        for number in self.scheduler.newly_blocked():
            job = self.pending.get(number)
            if len(self._at_work) + len(self._shown_waiting) >= limits.tracked or job is None:
                continue
            index = next(place for place, op in enumerate(job.ops) if op.status not in FINAL)
            if job.ops[index].status == QUEUED:
                self._shown_waiting.add(number)
                self._show(job.with_op(index, evolve(job.ops[index], status=WAITING)))

    async def dispose(self, job_id: int, decision: Decision) -> None:
        """End a job that has not begun."""
        self.scheduler.withdraw(job_id, self._reactor.seconds())
        run = Run(self._desk, self._ledger, self.pending[job_id])
        if decision.verdict is Verdict.CANCEL:
            await self._owned(job_id, run.cancel(decision.reason))
        else:
            await self._owned(job_id, run.fail(0, OpExecError(decision.reason or "")))

    def _launch(self, job_id: int, recovering: bool = False) -> None:
        job = self.pending[job_id]
        run = Run(self._desk, self._ledger, job, self.private.get(job_id, {}), recovering)
        self._at_work[job_id] = run
        self._shown_waiting.discard(job_id)
        Deferred.fromCoroutine(self._owned(job_id, run.all()))

    async def _owned(self, job_id: int, work: Coroutine[Any, Any, Any]) -> None:
        """Do the job's work; nobody else starts it meanwhile."""
        done: Deferred[None] = Deferred()
        self._runs[job_id] = done
        try:
            await work
        except Stopped:
            self._log.info("job {job} is left for the next start", job=job_id)
            self._lost.add(job_id)
        except Exception:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure("job {job} stands still until the next start", job=job_id)
            self._lost.add(job_id)
        finally:
            del self._runs[job_id]
            self._at_work.pop(job_id, None)
            self.scheduler.withdraw(job_id, self._reactor.seconds())
            done.callback(None)
            self.pump()

    async def commit(self, commit: Commit) -> None:
        """Make it durable and take it over."""
        if self._abandoned:
            raise Stopped("ganetid is going down")
        self._unsaved.difference_update(job.id for job in commit.jobs)
        await self._journal.commit(commit)
        self._desk.cluster.apply(commit.changes)
        if commit.messages:
            self._told()

    def _show(self, job: Job) -> None:
        """The job is now so: tell who waits for it, and let go of it when it has ended."""
        if not job.is_final:
            self.pending[job.id] = job
            self.watchers.tell(job)
            return
        self.pending.pop(job.id, None)
        self.private.pop(job.id, None)
        self._shown_waiting.discard(job.id)
        self.list.ended(job)
        dependents = self.scheduler.dependents.ended(job.id, job.status)
        self.scheduler.dependents.let_go(job)
        self.watchers.tell(job)
        for number in dependents:
            self.consider(number)

    def _show_log(self, job: Job) -> None:
        self._show(job)
        self._unsaved.add(job.id)
        if self._saving is None and not self._abandoned:
            self._saving = self._reactor.callLater(LOG_PATIENCE_S, self._save_logs)

    def _save_logs(self) -> None:
        """Make new log entries durable that no commit has taken along."""
        self._saving = None
        jobs = tuple(self.pending[number] for number in self._unsaved if number in self.pending)
        self._unsaved.clear()
        if jobs and not self._abandoned:
            saved = Deferred.fromCoroutine(self._journal.commit(Commit(jobs=jobs)))
            saved.addErrback(lambda failure: self._log.failure("logs were not saved", failure))

    def _locks_of(self, job: Job) -> tuple[Lock, ...]:
        return tuple(
            lock for op in job.ops for lock in self._desk.opcodes[op.op_id].locks(op.input)
        )
