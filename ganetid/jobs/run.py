"""
One job at work: its opcodes one after the other, every step durable before the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

import msgspec
from attrs import define, evolve, field, frozen
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, Instance, PutInstance
from ganetid.events.messages import Newsroom
from ganetid.jobs.journal import Commit, Message
from ganetid.jobs.model import ERROR, RUNNING, SUCCESS, WAITING, Job, LogEntry, Op
from ganetid.jobs.stamps import Stamps
from ganetid.node.registry import Nodes
from ganetid.opcodes.context import Context, Ops
from ganetid.opcodes.definition import Opcode, Outcome
from ganetid.opcodes.errors import OpcodeError, OpExecError, encoded

PRECEDING_FAILED = ["OpExecError", ["Preceding opcode failed"]]


@frozen
class Desk:
    """What every job at work shares."""

    opcodes: Mapping[str, Opcode]
    cluster: Configuration
    nodes: Nodes
    stamps: Stamps
    newsroom: Newsroom
    now: Callable[[], float]


@frozen
class Ledger:
    """
    The queue's side of a job at work.

    commit: makes a Commit durable, takes its changes over and sends its news.
    show: tells who waits that the job is now so.
    submit: makes a job of these opcodes, once for each effect.
    """

    commit: Callable[[Commit], Awaitable[None]]
    show: Callable[[Job], None]
    submit: Callable[[Ops, str], Awaitable[int]]


@define
class Run:
    """A job at work.  `job` is how it stands; `recovering`: it was running when ganetid died."""

    desk: Desk
    ledger: Ledger
    job: Job
    private: Mapping[str, Any] = field(factory=dict)
    recovering: bool = False
    _log: ClassVar[Logger] = Logger()

    async def all(self) -> Job:
        """Do every opcode that is not done; the job as it ended."""
        for index, op in enumerate(self.job.ops):
            if op.status == SUCCESS:
                continue
            recovering = self.recovering and op.status == RUNNING
            await self._start(index, recovering)
            try:
                outcome = await self._perform(index, recovering)
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
        messages = [
            message
            for number in range(index, len(ops))
            if (message := self._news(number, at if number == index else self.desk.stamps.next()))
        ]
        await self._commit(tuple(messages), forget=True)

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
        perform = opcode.recover if recovering else opcode.run
        try:
            return await perform(self._context(index), op.input)
        except OpcodeError:
            raise
        except Exception as error:
            self._log.failure("job {job} broke in {op}", job=self.job.id, op=op.op_id)
            reason = f"Unexpected {type(error).__name__}, see the log of ganetid"
            raise OpExecError(reason) from error

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

    def _context(self, index: int) -> Context:
        return Context(
            cluster=self.desk.cluster,
            nodes=self.desk.nodes,
            private=self.private,
            made=self.job.made,
            log=lambda text: self._add_log(index, text),
            note=self._note,
            keep=lambda changes: self._commit((), changes),
            now=self.desk.now,
            submit=lambda ops, word: self.ledger.submit(ops, f"job:{self.job.id}:{index}:{word}"),
        )

    def _add_log(self, index: int, text: str) -> None:
        op = self.job.ops[index]
        entry = LogEntry(self.job.next_serial(), self.desk.stamps.next(), text)
        self.job = self.job.with_op(index, evolve(op, log=(*op.log, entry)))
        self.ledger.show(self.job)

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
