"""
One job at work: its opcodes one after the other, every step durable before the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec
from attrs import define, evolve, field
from twisted.logger import Logger

from ganetid.cluster.model import Change, Instance, PutInstance
from ganetid.hooks.runner import Begun
from ganetid.jobs.dependencies import CANCELED_RESULT
from ganetid.jobs.desk import Desk, Ledger, Surroundings, context_of
from ganetid.jobs.journal import Commit, Message
from ganetid.jobs.model import ERROR, FINAL, RUNNING, SUCCESS, WAITING, Job, LogEntry, Op, canceled
from ganetid.opcodes.context import Context, no_hooks
from ganetid.opcodes.definition import Opcode, Outcome
from ganetid.opcodes.errors import Cancelled, OpcodeError, OpExecError, encoded

DRY_RUN = " - INFO: dry-run mode requested, not actually executing the operation"
PRECEDING_FAILED = ["OpExecError", ["Preceding opcode failed"]]


@define
class Run:
    """
    A job at work.

    job: how it stands.  recovering: it was running when ganetid died.
    cancel_wanted: it stops before its next opcode, or where the opcode can be undone.
    """

    desk: Desk
    ledger: Ledger
    job: Job
    private: Mapping[str, Any] = field(factory=dict)
    recovering: bool = False
    cancel_wanted: bool = False
    _log: ClassVar[Logger] = Logger()

    async def all(self) -> Job:
        """Do every opcode that is not done; the job as it ended."""
        for index, op in enumerate(self.job.ops):
            if op.status == SUCCESS:
                continue
            recovering = self.recovering and op.status == RUNNING
            if self.cancel_wanted and not recovering:
                await self.cancel(CANCELED_RESULT)
                break
            await self._start(index, recovering)
            try:
                outcome = await self._perform(index, recovering)
            except Cancelled:
                await self.cancel(CANCELED_RESULT)
                break
            except OpcodeError as error:
                await self.fail(index, error)
                break
            await self._succeed(index, outcome)
        return self.job

    async def fail(self, index: int, error: OpcodeError) -> None:
        """End the job with an error in its opcode number `index`."""
        at = self.desk.stamps.next()
        ops = list(self.job.ops)
        for number in range(index, len(ops)):
            result = encoded(error) if number == index else PRECEDING_FAILED
            ops[number] = evolve(ops[number], status=ERROR, result=result, end=at)
        self.job = evolve(self.job, ops=tuple(ops), end=at)
        await self._commit(self._news_from(index, at), forget=True)

    async def cancel(self, result: str | None = None) -> None:
        """End the job; opcodes not done by now will never be."""
        at = self.desk.stamps.next()
        first = next(number for number, op in enumerate(self.job.ops) if op.status not in FINAL)
        self.job = canceled(self.job, at, result)
        await self._commit(self._news_from(first, at), forget=True)

    async def _start(self, index: int, recovering: bool) -> None:
        op = self.job.ops[index]
        messages: list[Message | None] = []
        if recovering:
            self._add_log(index, "ganetid was started again and looks at what is there")
        else:
            at = self.desk.stamps.next()
            self.job = self.job.with_op(index, evolve(op, status=WAITING, start=at))
            messages.append(self._news(index, at))
        at = self.desk.stamps.next()
        op = evolve(self.job.ops[index], status=RUNNING, executed=at)
        self.job = evolve(self.job.with_op(index, op), start=self.job.start or op.start)
        messages.append(self._news(index, at))
        await self._commit(tuple(message for message in messages if message))

    async def _perform(self, index: int, recovering: bool) -> Outcome:
        op = self.job.ops[index]
        opcode = self.desk.opcodes[op.op_id]
        if op.input.get("dry_run"):
            self._add_log(index, DRY_RUN)
        try:
            if recovering:  # its hooks were told when it began
                return await opcode.recover(self._context(index), op.input)
            return await self._with_hooks(index, opcode)
        except OpcodeError:
            raise
        except Exception as error:
            self._log.failure("job {job} broke in {op}", job=self.job.id, op=op.op_id)
            reason = f"Unexpected {type(error).__name__}, see the log of ganetid"
            raise OpExecError(reason) from error

    async def _with_hooks(self, index: int, opcode: Opcode) -> Outcome:
        hooks, cluster, given = self.desk.hooks, self.desk.cluster, self.job.ops[index].input
        begun: list[Begun | None] = []

        async def before(instance: Instance | None = None) -> None:
            if hooks is not None:
                begun.append(await hooks.before(opcode.op_id, given, cluster, instance))

        if not opcode.tells_hooks:
            await before()
        outcome = await opcode.run(self._context(index, before), given)
        if hooks is not None and begun:
            log = partial(self._add_log, index)
            went_well = await hooks.after(begun[0], cluster, log, outcome.changes)
            if opcode.spoilt_by_hooks and not went_well:
                return evolve(outcome, result=False)
        return outcome

    async def _succeed(self, index: int, outcome: Outcome) -> None:
        at = self.desk.stamps.next()
        op = evolve(self.job.ops[index], status=SUCCESS, result=outcome.result, end=at)
        self.job = evolve(self.job.with_op(index, op), made={})
        if index == len(self.job.ops) - 1:
            self.job = evolve(self.job, end=at)
        changed = [each.instance for each in outcome.changes if isinstance(each, PutInstance)]
        message = self._news(index, at, changed[0] if changed else None)
        await self._commit(
            (message,) if message else (), outcome.changes, forget=self.job.end is not None
        )

    def _context(
        self, index: int, before: Callable[[Instance], Awaitable[None]] = no_hooks
    ) -> Context:
        return context_of(
            self.desk,
            Surroundings(
                private=self.private,
                made=self.job.made,
                log=partial(self._add_log, index),
                note=self._note,
                keep=lambda changes: self._commit((), changes),
                submit=lambda ops, word: self.ledger.submit(
                    self.job, ops, f"job:{self.job.id}:{index}:{word}"
                ),
                check_cancelled=self._check_cancelled,
                before=before,
            ),
        )

    def _check_cancelled(self) -> None:
        if self.cancel_wanted:
            raise Cancelled

    def _add_log(self, index: int, text: Any, kind: str = "message") -> None:
        op = self.job.ops[index]
        if op.status != RUNNING:  # of work that outlives its opcode
            return
        entry = LogEntry(self.job.next_serial(), self.desk.stamps.next(), text, kind)
        self.job = self.job.with_op(index, evolve(op, log=(*op.log, entry)))
        self.ledger.log(self.job)

    async def _note(self, made: Mapping[str, Any]) -> None:
        self.job = evolve(self.job, made=msgspec.to_builtins(dict(made)))
        await self._commit(())

    def _told_of(self, op: Op) -> Instance | None:
        """The instance that an opcode's news are about, as it is now."""
        subject = self.desk.opcodes[op.op_id].subject
        name = op.input.get("instance_name") if subject else op.input.get("name")
        return self.desk.cluster.instances.get(str(name))

    def _news(self, index: int, at: int, instance: Instance | None = None) -> Message | None:
        op = self.job.ops[index]
        opcode = self.desk.opcodes[op.op_id]
        about = instance or self._told_of(op)
        return self.desk.newsroom.of_op(self.job, index, opcode, at, about)

    def _news_from(self, index: int, at: int) -> tuple[Message, ...]:
        """News of this opcode, as of `at`, and of those after it."""
        news = (
            self._news(number, at if number == index else self.desk.stamps.next())
            for number in range(index, len(self.job.ops))
        )
        return tuple(message for message in news if message)

    async def _commit(
        self,
        messages: tuple[Message, ...],
        changes: tuple[Change, ...] = (),
        forget: bool = False,
    ) -> None:
        job = self.job
        await self.ledger.commit(
            Commit(
                jobs=(job,),
                changes=changes,
                messages=messages,
                forget_secrets=(job.id,) if forget else (),
                last_stamp=self.desk.stamps.last,
            )
        )
        self.ledger.show(self.job)
