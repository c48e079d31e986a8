"""
The job queue: durable before it answers, parallel where locks allow, the same after kill -9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.internet.defer import TimeoutError as TooLate
from twisted.logger import Logger

from ganetid.jobs.dependencies import Decision, Verdict, decide
from ganetid.jobs.journal import Beginning, Commit, Journal
from ganetid.jobs.locks import Lock, startable
from ganetid.jobs.model import CANCELED, RUNNING, Job, Op, Stamp
from ganetid.jobs.run import Desk, Ledger, Run
from ganetid.opcodes.definition import filled_input, parted
from ganetid.opcodes.errors import OpExecError

MAX_RUNNING = 20  # Ganeti's max_running_jobs
MAX_QUEUED = 5000  # Ganeti's hard limit
STOP_PATIENCE_S = 10.0


class QueueFull(Exception):
    """Too many jobs are waiting."""


class Stopped(Exception):
    """ganetid is going down; the job goes on when it is back."""


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


class JobQueue(Service):
    """
    Jobs that are not finished, and the journal for all others.

    Call `begin` before anything is submitted; jobs run while the service runs.
    """

    name = "jobs"
    _log = Logger()

    def __init__(
        self, reactor: Any, journal: Journal, desk: Desk, told: Callable[[], None]
    ) -> None:
        """told: is called after news were put in the outbox."""
        self._reactor = reactor
        self._journal = journal
        self._desk = desk
        self._ledger = Ledger(
            self._commit, self._show, lambda ops, effect: self.submit(Order(ops, effect))
        )
        self._told = told
        self._pending: dict[int, Job] = {}
        self._private: dict[int, dict[str, Any]] = {}
        self._locks: dict[int, tuple[Lock, ...]] = {}
        self._runs: dict[int, Deferred[None]] = {}
        self._lost: set[int] = set()
        self._ended: dict[int, str | None] = {}
        self._dependents: Counter[int] = Counter()
        self._errands: dict[int, Deferred[None]] = {}
        self._watchers: dict[int, list[Deferred[None]]] = {}
        self._next_id = 1
        self._next_errand = -1
        self._closing = False
        self._abandoned = False

    def begin(self, beginning: Beginning) -> None:
        """Take up the jobs that were not finished."""
        self._next_id = beginning.next_job_id
        self._desk.stamps.restart_after(beginning.last_stamp)
        for job in beginning.unfinished:
            self._private[job.id] = beginning.secrets.get(job.id, {})
            self._enter(job)

    async def look_up_dependencies(self) -> None:
        """Learn how the jobs ended that unfinished ones depend on."""
        for job in list(self._pending.values()):
            await self._learn_ends(job)

    def startService(self) -> None:
        """Go on with interrupted jobs, then start others."""
        super().startService()
        for job in list(self._pending.values()):
            if any(op.status == RUNNING for op in job.ops):
                self._launch(job.id, recovering=True)
        self._pump()

    def stopService(self) -> Deferred[None]:
        """Wait for running jobs, but not for long: what is left goes on at the next start."""
        super().stopService()
        self._closing = True
        runs = list(self._runs.values())
        if not runs:
            return succeed(None)
        ended: Deferred[Any] = DeferredList(runs, consumeErrors=True)
        ended.addTimeout(STOP_PATIENCE_S, self._reactor)

        def leave(result: Any) -> None:
            self._abandoned = True

        return ended.addBoth(leave)

    async def submit(self, order: Order) -> int:
        """
        The new job's id, once the job is on stable storage.

        Raises BadParameters, QueueFull, Stopped.
        """
        if self._closing:
            raise Stopped("ganetid is going down")
        if len(self._pending) >= MAX_QUEUED:
            raise QueueFull("Job queue is full, needs archiving")
        parts = [
            parted(filled_input(self._desk.opcodes[op_id], given)) for op_id, given in order.ops
        ]
        private = {key: value for _, each in parts for key, value in each.items()}
        job = self._new_job([shown for shown, _ in parts], order.effect)
        commit = self._commit_with_news(job, job.received)
        stored = await self._journal.submit(commit, private or None)
        if stored == job.id:
            self._private[job.id] = private
            await self._learn_ends(job)
            self._enter(job)
            self._told()
            self._pump()
        return stored

    async def cancel(self, job_id: int) -> tuple[bool, str]:
        """Take a job that has not begun off the queue; (whether it was, Ganeti's words)."""
        job = self._pending.get(job_id)
        if job is None and await self._journal.job(job_id) is None:
            return False, f"Job {job_id} not found in queue"
        if job is None or job_id in self._runs or job_id not in self._pending:
            return False, "Job no longer waiting, can't cancel (informed it anyway)"
        await self._owned(job_id, self._cancel(job_id))
        return True, f"Dequeued job {job_id}"

    async def job(self, job_id: int) -> Job | None:
        """The job as it stands, None when there is none or it is archived."""
        return self._pending.get(job_id) or await self._journal.job(job_id)

    async def jobs(self) -> list[Job]:
        """All jobs that are not archived."""
        return [self._pending.get(job.id, job) for job in await self._journal.jobs()]

    async def job_ids(self) -> list[int]:
        """Their ids, ascending."""
        return await self._journal.job_ids()

    async def changed(self, job_id: int, timeout_s: float) -> bool:
        """Wait for the job to change; False when it has not, or is finished already."""
        if job_id not in self._pending:
            return False
        waiting: Deferred[None] = Deferred()
        self._watchers.setdefault(job_id, []).append(waiting)
        waiting.addTimeout(timeout_s, self._reactor)
        try:
            await waiting
        except (CancelledError, TooLate):  # the client hung up, or nothing happened
            if waiting in self._watchers.get(job_id, ()):
                self._watchers[job_id].remove(waiting)
            return False
        return True

    async def under(self, locks: tuple[Lock, ...], work: Callable[[], Awaitable[Commit]]) -> None:
        """
        Do `work` while no job holds these locks, and make durable what it returns.

        For what happens without a job: a guest that went off by itself.
        """
        number = self._next_errand
        self._next_errand -= 1
        turn: Deferred[None] = Deferred()
        self._locks[number] = locks
        self._errands[number] = turn
        self._pump()
        try:
            await turn
            await self._commit(await work())
        finally:
            self._errands.pop(number, None)
            self._runs.pop(number, None)
            del self._locks[number]
            self._pump()

    def _new_job(self, inputs: Sequence[dict[str, Any]], effect: str | None) -> Job:
        job_id, self._next_id = self._next_id, self._next_id + 1
        ops = tuple(Op(each) for each in inputs)
        return Job(job_id, ops, received=self._desk.stamps.next(), effect=effect)

    def _enter(self, job: Job) -> None:
        self._pending[job.id] = job
        locks = {
            (lock.kind, lock.name, lock.shared): lock
            for op in job.ops
            for lock in self._desk.opcodes[op.op_id].locks(op.input)
        }
        self._locks[job.id] = tuple(locks.values())

    async def _learn_ends(self, job: Job) -> None:
        """Count the job as a dependent of others first, so that no end goes unnoticed."""
        self._dependents.update(job_id for job_id, _ in job.depends)
        for job_id, _ in job.depends:
            if job_id not in self._pending and job_id not in self._ended:
                other = await self._journal.job(job_id)
                self._ended[job_id] = None if other is None else other.status

    def _status_of(self, job_id: int) -> str | None:
        job = self._pending.get(job_id)
        return self._ended.get(job_id) if job is None else job.status

    def _pump(self) -> None:
        """Start what may start, end what can't."""
        if not self.running or self._closing:
            return
        ready = {
            number: self._locks[number] for number in self._errands if number not in self._runs
        }
        for job in sorted(self._pending.values(), key=lambda job: (job.priority, job.id)):
            if job.id in self._runs or job.id in self._lost:
                continue
            decision = decide(job, self._status_of)
            if decision.verdict is Verdict.READY:
                ready[job.id] = self._locks[job.id]
            elif decision.verdict is not Verdict.WAIT:
                self._dispose(job.id, decision)
        held = [self._locks[job_id] for job_id in self._runs]
        for job_id in startable(held, ready, MAX_RUNNING - len(self._runs)):
            if job_id in self._errands:
                self._runs[job_id] = self._errands[job_id]
                self._errands[job_id].callback(None)
            else:
                self._launch(job_id)

    def _dispose(self, job_id: int, decision: Decision) -> None:
        if decision.verdict is Verdict.CANCEL:
            self._own(job_id, self._cancel(job_id))
        else:
            run = Run(self._desk, self._ledger, self._pending[job_id])
            self._own(job_id, run.fail(0, OpExecError(decision.reason)))

    def _launch(self, job_id: int, recovering: bool = False) -> None:
        job = self._pending[job_id]
        run = Run(self._desk, self._ledger, job, self._private.get(job_id, {}), recovering)
        self._own(job_id, run.all())

    def _own(self, job_id: int, work: Coroutine[Any, Any, Any]) -> None:
        Deferred.fromCoroutine(self._owned(job_id, work))

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
            done.callback(None)
            self._pump()

    async def _cancel(self, job_id: int) -> None:
        at = self._desk.stamps.next()
        job = self._pending[job_id]
        ops = tuple(evolve(op, status=CANCELED, result=None, end=at) for op in job.ops)
        job = evolve(job, ops=ops, end=at)
        await self._commit(evolve(self._commit_with_news(job, at), forget_secrets=(job_id,)))
        self._show(job)

    def _commit_with_news(self, job: Job, at: Stamp) -> Commit:
        """The job with news of all its opcodes; the first one's are as of `at`."""
        messages = [
            self._desk.newsroom.of_op(
                job,
                index,
                self._desk.opcodes[op.op_id],
                self._desk.stamps.next() if index else at,
                self._desk.cluster.instances.get(str(op.input.get("instance_name"))),
            )
            for index, op in enumerate(job.ops)
        ]
        return Commit(
            jobs=(job,),
            messages=tuple(message for message in messages if message),
            last_stamp=self._desk.stamps.last,
        )

    async def _commit(self, commit: Commit) -> None:
        if self._abandoned:
            raise Stopped("ganetid is going down")
        await self._journal.commit(commit)
        self._desk.cluster.apply(commit.changes)
        if commit.messages:
            self._told()

    def _show(self, job: Job) -> None:
        """The job is now so: tell who waits for it, and let go of it when it has ended."""
        if job.is_final:
            self._pending.pop(job.id, None)
            self._private.pop(job.id, None)
            self._locks.pop(job.id, None)
            self._let_go(job)
        else:
            self._pending[job.id] = job
        for waiting in self._watchers.pop(job.id, []):
            waiting.callback(None)

    def _let_go(self, job: Job) -> None:
        """Remember how the job ended while others depend on it, forget what it depended on."""
        if self._dependents[job.id]:
            self._ended[job.id] = job.status
        for job_id, _ in job.depends:
            self._dependents[job_id] -= 1
            if self._dependents[job_id] <= 0:
                del self._dependents[job_id]
                self._ended.pop(job_id, None)
