"""The event bus of a cloud in one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from synnefo_tx.daemon.bus.handing import Hands, Held
from synnefo_tx.daemon.bus.interface import (
    Delivery,
    Handler,
    IDeadLetters,
    IPublisher,
    ISubscriber,
    NoSuchQueue,
    NotPublished,
    Subscription,
)
from synnefo_tx.daemon.bus.limits import check_message, check_subscription
from synnefo_tx.daemon.bus.topology import BoundQueue, matches


@define(eq=False)
class _Waiting:
    """A message in a queue, and who waits for its fate."""

    delivery: Delivery
    settled: Deferred[None] = field(factory=Deferred)


@define(eq=False)
class _Queue:
    """A queue: what waits, what a handler holds, what it refused for good."""

    routing_keys: set[str] = field(factory=set)
    waiting: deque[_Waiting] = field(factory=deque)
    held: list[_Waiting] = field(factory=list)
    dead: list[Delivery] = field(factory=list)
    worker: _Worker | None = None

    def takes(self, routing_key: str) -> bool:
        return any(matches(pattern, routing_key) for pattern in self.routing_keys)

    def accept(self, batch: Sequence[Held]) -> None:
        for held in batch:
            self.held[held.token].settled.callback(None)

    def bury(self, held: Held) -> None:
        self.dead.append(held.delivery)
        self.held[held.token].settled.callback(None)


@implementer(IPublisher, ISubscriber, IDeadLetters)
class MemoryBus:
    """
    Keeps the promise of IPublisher, ISubscriber and IDeadLetters without a broker.

    Safe means handled: a message is nowhere but here, so `publish` returns when the handlers have
    returned, and its caller (an outbox) keeps the message until then.
    clock: the reactor by default.  queues: taken to exist before anybody subscribes.
    timeout_s: longest wait for a subscriber and its handler.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime | None = None,
        queues: Iterable[BoundQueue] = (),
        timeout_s: float = 30.0,
    ) -> None:
        self._clock = clock if clock is not None else _reactor()
        self._timeout_s = timeout_s
        self._queues = {queue.name: _Queue(set(queue.routing_keys)) for queue in queues}

    async def publish(
        self, routing_key: str, body: bytes, headers: Mapping[str, object] | None = None
    ) -> None:
        check_message(routing_key, headers)
        takers = [queue for queue in self._queues.values() if queue.takes(routing_key)]
        if not takers:
            raise NotPublished(routing_key, "no queue takes it")
        copies = []
        for queue in takers:
            message = _Waiting(Delivery(routing_key, bytes(body), dict(headers or {})))
            copies.append((queue, message))
            queue.waiting.append(message)
        for queue in takers:
            if queue.worker is not None:
                queue.worker.wake()
        await self._all_settled(routing_key, copies)

    async def subscribe(
        self, queue: str, routing_keys: Sequence[str], handler: Handler, prefetch: int = 50
    ) -> Subscription:
        check_subscription(queue, routing_keys, prefetch)
        found = self._queues.setdefault(queue, _Queue())
        if found.worker is not None:
            raise ValueError(f"queue {queue} has a handler already")
        found.routing_keys.update(routing_keys)
        worker = found.worker = _Worker(found, Hands(self._clock, queue, handler), prefetch)
        worker.wake()
        return Subscription(queue, worker.stop)

    async def dead_letters(self, queue: str, limit: int = 100) -> list[Delivery]:
        return self._dead(queue)[:limit]

    async def replay(self, queue: str, limit: int = 100) -> int:
        dead = self._dead(queue)
        replayed = dead[:limit]
        for letter in replayed:
            await self.publish(letter.routing_key, letter.body, letter.headers)
            dead.remove(letter)
        return len(replayed)

    async def drop(self, queue: str, limit: int = 100) -> int:
        dead = self._dead(queue)
        dropped = len(dead[:limit])
        del dead[:limit]
        return dropped

    def _dead(self, queue: str) -> list[Delivery]:
        if queue not in self._queues:
            raise NoSuchQueue(queue)
        return self._queues[queue].dead

    async def _all_settled(
        self, routing_key: str, copies: Sequence[tuple[_Queue, _Waiting]]
    ) -> None:
        everybody = DeferredList([message.settled for _, message in copies])
        if everybody.called:
            return
        done: Deferred[bool] = Deferred()
        everybody.addCallback(lambda _: None if done.called else done.callback(True))
        late: IDelayedCall = self._clock.callLater(self._timeout_s, done.callback, False)
        try:
            settled = await done
        finally:
            if late.active():
                late.cancel()
            _withdraw(copies)
        if not settled:
            raise NotPublished(routing_key, f"not handled within {self._timeout_s} s")


def _withdraw(copies: Sequence[tuple[_Queue, _Waiting]]) -> None:
    """Nobody will handle what its publisher gave up, unless a handler holds it already."""
    for queue, message in copies:
        if message in queue.waiting:
            queue.waiting.remove(message)


class _Worker:
    """Hands a queue's messages to its handler."""

    def __init__(self, queue: _Queue, hands: Hands, prefetch: int) -> None:
        self._queue = queue
        self._hands = hands
        self._prefetch = prefetch
        self._running: Deferred[None] | None = None
        self._busy = False
        self._stopped = False

    def wake(self) -> None:
        """There are messages."""
        if not self._busy and not self._stopped and self._queue.waiting:
            self._busy = True  # first: a handler may publish before it gives way
            running = self._running = Deferred.fromCoroutine(self._run())
            running.addErrback(lambda failure: MemoryBus._log.failure("worker failed", failure))
            running.addBoth(self._ended)

    async def stop(self) -> None:
        """Return when the handler has let go of what it holds."""
        self._stopped = True
        self._hands.let_go()
        if self._running is not None:
            finished: Deferred[None] = Deferred()
            self._running.addBoth(lambda _: finished.callback(None))
            await finished
        if self._queue.worker is self:
            self._queue.worker = None

    async def _run(self) -> None:
        queue = self._queue
        while queue.waiting and not self._stopped:
            size = min(self._prefetch, len(queue.waiting))
            queue.held = [queue.waiting.popleft() for _ in range(size)]
            batch = [Held(message.delivery, at) for at, message in enumerate(queue.held)]
            await self._hands.hand_over(batch, queue)
            queue.waiting.extendleft(m for m in reversed(queue.held) if not m.settled.called)
            queue.held = []

    def _ended(self, _: None) -> None:
        self._busy = False
        self._running = None
        self.wake()


def _reactor() -> IReactorTime:
    from twisted.internet import reactor  # here: to import it is to install it

    return reactor
