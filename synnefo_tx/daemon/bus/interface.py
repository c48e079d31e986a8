"""
What every event bus promises.

Facts come up from clusters as messages: published once safe, handed to a durable queue's handler in
order, at least once.  `synnefo_tx.daemon.bus.memory` keeps the promise inside one process,
`synnefo_tx.daemon.amqp.bus` between processes over a broker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from zope.interface import Interface


class NotPublished(Exception):
    """The message is not known to be safe: nobody confirmed it.  It may arrive all the same."""

    def __init__(self, routing_key: str, reason: str) -> None:
        super().__init__(f"message for {routing_key} was not published: {reason}")
        self.routing_key = routing_key
        self.reason = reason


class PoisonMessage(Exception):
    """A handler raises it of a message that no later attempt can make acceptable."""


class NoSuchQueue(Exception):
    """Nothing of this name has dead letters."""

    def __init__(self, queue: str) -> None:
        super().__init__(f"no queue {queue}")
        self.queue = queue


@frozen
class Delivery:
    """
    One message as a handler sees it.

    redelivered: this message may have been handed to a handler before.
    """

    routing_key: str
    body: bytes
    headers: Mapping[str, Any] = field(factory=dict)
    redelivered: bool = False


Handler = Callable[[Sequence[Delivery]], Awaitable[None]]


@frozen
class Subscription:
    """A handler at work on a queue."""

    queue: str
    _cancel: Callable[[], Awaitable[None]]

    async def cancel(self) -> None:
        """
        Stop handing messages to the handler; what it holds now it may finish.

        What was not acknowledged stays in the queue.  The queue itself stays too.  Idempotent.
        """
        await self._cancel()


class IPublisher(Interface):
    async def publish(
        routing_key: str, body: bytes, headers: Mapping[str, object] | None = None
    ) -> None:
        """
        Return when the message is safe.

        Safe: a broker confirmed that its queues have it; in process: every subscriber's handler
        has returned (a handler must therefore not await a message to its own queue).
        Waits out a short outage.  Raises NotPublished after the bus's timeout, or at once when no
        queue takes `routing_key`.  Messages published one after the other arrive in that order.

        headers: str keys; values None, bool, int (64 bits), float, str, bytes, Decimal, aware
        datetime (of which whole seconds travel), and lists and dicts of these.  Raises ValueError
        for others, and for a key of more than 255 bytes.
        """


class ISubscriber(Interface):
    async def subscribe(
        queue: str, routing_keys: Sequence[str], handler: Handler, prefetch: int = 50
    ) -> Subscription:
        """
        Hand what arrives in the durable queue `queue` to `handler`, in order, in batches.

        routing_keys: patterns bound to the queue: words parted by dots, `*` stands for one word,
        `#` for any number of words.  prefetch: the most messages in a batch or unacknowledged.

        A batch is acknowledged after the handler returned.  If it raises, the messages of the
        batch come again one by one (`redelivered` is true); one for which it raises PoisonMessage
        is put with the queue's dead letters, any other failure is tried again, ever more slowly,
        so that a database outage loses nothing.
        Raises ValueError for names that no broker takes, and when `queue` has a handler here.
        """


class IDeadLetters(Interface):
    async def dead_letters(queue: str, limit: int = 100) -> list[Delivery]:
        """
        The poison messages of `queue`, oldest first, at most `limit`; they stay where they are.

        Each has the routing key with which it was published.  Raises NoSuchQueue.
        """

    async def replay(queue: str, limit: int = 100) -> int:
        """
        Publish the oldest `limit` dead letters of `queue` again, each with its own routing key.

        Returns how many.  One leaves the dead letters only once it is safe elsewhere, so that
        a failure (NotPublished) loses none.  Raises NoSuchQueue.
        """

    async def drop(queue: str, limit: int = 100) -> int:
        """
        Lose the oldest `limit` dead letters of `queue`.  Returns how many.  Raises NoSuchQueue.
        """
