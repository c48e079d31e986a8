"""
New jobs: numbered, described to those who want news, and stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganetid.jobs.desk import Desk
from ganetid.jobs.journal import Journal, Message, Submission
from ganetid.jobs.limits import QueueDrained, QueueFull, QueueLimits
from ganetid.jobs.model import Job
from ganetid.jobs.orders import Draft, Order, drafted, numbered
from ganetid.opcodes.errors import BadParameters


class Intake:
    """Makes jobs of orders; their numbers ascend, and none is given twice."""

    def __init__(self, desk: Desk, journal: Journal, limits: Callable[[], QueueLimits]) -> None:
        self._desk = desk
        self._journal = journal
        self._limits = limits
        self.next_id = 1

    def check_room(self, waiting: int, wanted: int = 1) -> None:
        """Raises QueueDrained, QueueFull."""
        limits = self._limits()
        if limits.drained:
            raise QueueDrained("Job queue is drained, refusing job")
        if waiting + wanted > limits.queued:
            raise QueueFull("Job queue is full, needs archiving")

    def made(self, order: Order) -> Submission:
        """The order as a job.  Raises BadParameters."""
        return self._numbered(drafted(order, self._desk.opcodes))

    def made_of_each(self, orders: Sequence[Order]) -> list[Submission | str]:
        """
        The orders as jobs whose numbers follow one another, or why one can't be a job.

        One that can't uses up a number too, so that others may count from it.
        """
        return [self._made_or_refused(order) for order in orders]

    async def stored(self, submissions: Sequence[Submission]) -> list[int]:
        """Their numbers, once they are on stable storage; see Journal.submit."""
        return await self._journal.submit(submissions, self._desk.stamps.last)

    def _made_or_refused(self, order: Order) -> Submission | str:
        try:
            return self.made(order)
        except BadParameters as error:
            self.next_id += 1
            return str(error)

    def _numbered(self, draft: Draft) -> Submission:
        received = self._desk.stamps.next()
        job = numbered(draft, self.next_id, received, self._desk.opcodes)
        self.next_id += 1
        return Submission(job, draft.private, self._news(job, received))

    def _news(self, job: Job, received: int) -> tuple[Message, ...]:
        """News of all its opcodes; the first one's are as of `received`."""
        news = (
            self._desk.newsroom.of_op(
                job,
                index,
                self._desk.opcodes[op.op_id],
                self._desk.stamps.next() if index else received,
                self._desk.cluster.instances.get(str(op.input.get("instance_name"))),
            )
            for index, op in enumerate(job.ops)
        )
        return tuple(message for message in news if message)
