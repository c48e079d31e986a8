"""
The job queue: durable before it answers, parallel where locks allow, the same after kill -9.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from ganetid.cluster.model import PutFacts
from ganetid.jobs.dependencies import Decision, Verdict
from ganetid.jobs.desk import Desk
from ganetid.jobs.floor import Floor
from ganetid.jobs.journal import Beginning, Commit, Journal, Submission
from ganetid.jobs.limits import (
    NoSuchJob,
    QueueDrained,
    QueueFull,
    QueueLimits,
    Stopped,
    limits_from,
)
from ganetid.jobs.locks import Lock, LockState
from ganetid.jobs.model import FINAL, RUNNING, Job
from ganetid.jobs.orders import Order
from ganetid.jobs.rulebook import RuleBook
from ganetid.opcodes.context import Ops

__all__ = ["JobQueue", "NoSuchJob", "Order", "QueueDrained", "QueueFull", "Stopped"]

STOP_PATIENCE_S = 10.0
AGING_S = 60.0


class JobQueue(Service):
    """
    Jobs that are not finished, and the journal for all others.

    Call `begin` before anything is submitted; jobs run while the service runs.
    list: for those who read jobs.  rules: the job filters.  watchers: for those who wait.
    """

    name = "jobs"

    def __init__(
        self,
        reactor: Any,
        journal: Journal,
        desk: Desk,
        told: Callable[[], None],
        limits: Callable[[], QueueLimits] | None = None,
    ) -> None:
        """
        told: is called after news were put in the outbox.
        limits: what the queue takes; by default as the cluster's parameters say.
        """
        self._reactor = reactor
        self._journal = journal
        self._desk = desk
        self._limits = limits or (lambda: limits_from(desk.cluster.facts.params))
        self._floor = Floor(reactor, journal, desk, told, self._limits, self._submit_for)
        self._next_errand = -1
        self._closing = False
        self.list = self._floor.list
        self.watchers = self._floor.watchers
        self.rules = RuleBook(self._floor, desk.now)
        self._aging = LoopingCall(self._age)
        self._aging.clock = reactor

    @property
    def newest(self) -> int:
        """The number of the newest job; 0: there was none yet."""
        return self._floor.intake.next_id - 1

    def begin(self, beginning: Beginning) -> None:
        """Take up the jobs that were not finished."""
        self._floor.intake.next_id = beginning.next_job_id
        self._desk.stamps.restart_after(beginning.last_stamp)
        self.rules.load(beginning.filters)
        for job in beginning.unfinished:
            self._floor.private[job.id] = beginning.secrets.get(job.id, {})
            self._floor.pending[job.id] = job
            self._floor.scheduler.dependents.add(job)

    async def look_up_dependencies(self) -> None:
        """Learn how the jobs ended that unfinished ones depend on."""
        for job in list(self._floor.pending.values()):
            await self._floor.learn_ends(job)

    def startService(self) -> None:
        """Go on with interrupted jobs, then start others."""
        super().startService()
        jobs = list(self._floor.pending.values())
        interrupted = [job for job in jobs if any(op.status == RUNNING for op in job.ops)]
        self._floor.is_open = True
        self._floor.go_on(interrupted)
        for job in jobs:
            self._floor.consider(job.id)
        self._aging.start(AGING_S, now=False)
        self._floor.pump()

    def stopService(self) -> Deferred[None]:
        """Wait for running jobs, but not for long: what is left goes on at the next start."""
        super().stopService()
        self._closing = True
        if self._aging.running:
            self._aging.stop()
        return self._floor.leave(STOP_PATIENCE_S)

    async def submit(self, order: Order) -> int:
        """
        The new job's id, once the job is on stable storage.

        Raises BadParameters, QueueFull, QueueDrained, Stopped.
        """
        self._check_open(1)
        (stored,) = await self._store([self._floor.intake.made(order)])
        return stored

    async def submit_many(self, orders: Sequence[Order]) -> list[tuple[bool, int | str]]:
        """
        For each order (True, its job's id) or (False, why there is none), as Ganeti answers.

        All jobs are stored together; negative numbers in dependencies count back from a job's own.
        Raises QueueFull, QueueDrained, Stopped.
        """
        self._check_open(len(orders))
        made = self._floor.intake.made_of_each(orders)
        jobs = [each for each in made if isinstance(each, Submission)]
        ids = iter(await self._store(jobs))
        return [(True, next(ids)) if isinstance(each, Submission) else (False, each)
                for each in made]  # fmt: skip

    async def cancel(self, job_id: int, running: bool = False) -> tuple[bool, str]:
        """
        Take a job that has not begun off the queue; (whether it was, Ganeti's words).

        running: one that has begun is asked to stop where it can.
        """
        if job_id not in self._floor.pending:
            return False, f"Job {job_id} not found in queue"
        if self._floor.is_owned(job_id):
            run = self._floor.at_work(job_id)
            if running and run is not None:
                run.cancel_wanted = True
                return True, f"Job {job_id} will be canceled"
            return False, "Job no longer waiting, can't cancel (informed it anyway)"
        await self._floor.dispose(job_id, Decision(Verdict.CANCEL))
        return True, f"Dequeued job {job_id}"

    async def move(self, job_id: int, priority: int) -> None:
        """Give what is left of a job another priority, -20 to 19.  Raises NoSuchJob."""
        job = self._floor.pending.get(job_id)
        if job is None or self._floor.is_owned(job_id):
            raise NoSuchJob(job_id)
        ops = tuple(op if op.status in FINAL else evolve(op, moved_to=priority) for op in job.ops)
        job = self._floor.pending[job_id] = evolve(job, ops=ops)
        self._floor.scheduler.move(job)
        await self._floor.commit(Commit(jobs=(job,)))
        self.watchers.tell(self._floor.pending.get(job_id, job))
        self._floor.pump()

    async def job(self, job_id: int) -> Job | None:
        """The job as it stands, also an archived one; None when there is none."""
        return await self.list.job(job_id)

    async def changed(self, job_id: int, timeout_s: float) -> bool:
        """Wait for the job to change; False when it has not, or is finished already."""
        return job_id in self._floor.pending and await self.watchers.changed(job_id, timeout_s)

    async def under(self, locks: tuple[Lock, ...], work: Callable[[], Awaitable[Commit]]) -> None:
        """
        Do `work` while no job holds these locks, and make durable what it returns.

        For what happens without a job: a guest that went off by itself.
        """
        number = self._next_errand
        self._next_errand -= 1
        try:
            await self._floor.errand(number, locks)
            await self._floor.commit(await work())
        finally:
            self._floor.end_errand(number)

    async def archive(self, ended_before: int, forget_before: int = 0) -> int:
        """Archive jobs that ended before the stamp, drop those before the other; how many."""
        count = await self._journal.archive(ended_before, forget_before)
        self.list.forget()
        return count

    async def archive_one(self, job_id: int) -> bool:
        """Archive a job that has ended; False when there is none to be archived."""
        done = await self._journal.archive_one(job_id)
        self.list.forget()
        return done

    @property
    def is_drained(self) -> bool:
        """Whether no new jobs are taken."""
        return self._limits().drained

    async def drain(self, drained: bool) -> None:
        """Take no new jobs any more, or take them again; durable when it returns."""

        async def work() -> Commit:
            facts = self._desk.cluster.facts
            params = {**facts.params, "queue_drained": drained}
            return Commit(changes=(PutFacts(evolve(facts, params=params)),))

        await self.under((Lock("cluster", ""),), work)

    def locks(self) -> list[LockState]:
        """All locks that somebody holds or waits for; errands have negative numbers."""
        return self._floor.scheduler.locks()

    async def _submit_for(self, job: Job, ops: Ops, effect: str) -> int:
        return await self.submit(Order(ops, effect, job.caller))

    def _check_open(self, wanted: int) -> None:
        if self._closing:
            raise Stopped("ganetid is going down")
        self._floor.intake.check_room(len(self._floor.pending), wanted)

    async def _store(self, submissions: Sequence[Submission]) -> list[int]:
        for each in submissions:
            self._floor.scheduler.dependents.add(each.job)
        try:
            stored = await self._floor.intake.stored(submissions)
        except BaseException:
            for each in submissions:
                self._floor.scheduler.dependents.let_go(each.job)
            raise
        await self._floor.enter(submissions, stored)
        return stored

    def _age(self) -> None:
        self._floor.scheduler.age(self._reactor.seconds())
        self._floor.pump()
