"""What every event bus must do: one suite, run on each implementation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from synnefo_tx.daemon.bus.interface import (
    Delivery,
    IDeadLetters,
    IPublisher,
    ISubscriber,
    NoSuchQueue,
    NotPublished,
    PoisonMessage,
)
from synnefo_tx.daemon.bus.topology import BoundQueue

PATIENCE_S = 10.0


def soon(awaitable: Awaitable[Any]) -> Deferred[Any]:
    """What `awaitable` comes to, begun now; fails if that takes long."""

    async def awaited() -> Any:
        return await awaitable

    return Deferred.fromCoroutine(awaited()).addTimeout(PATIENCE_S, reactor)


class Recorder:
    """A handler that remembers its batches; `judge` may raise for a batch."""

    def __init__(self, judge: Callable[[Sequence[Delivery]], None] = lambda batch: None) -> None:
        self.batches: list[list[Delivery]] = []
        self.handled: list[Delivery] = []
        self._judge = judge
        self._awaited: list[tuple[int, Deferred[None]]] = []

    async def __call__(self, batch: Sequence[Delivery]) -> None:
        self.batches.append(list(batch))
        self._judge(batch)
        self.handled.extend(batch)
        for number, awaited in self._awaited:
            if len(self.handled) >= number and not awaited.called:
                awaited.callback(None)

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.handled]

    def until(self, number: int) -> Deferred[None]:
        """Fires when `number` messages have been handled."""
        awaited: Deferred[None] = Deferred()
        if len(self.handled) >= number:
            awaited.callback(None)
        self._awaited.append((number, awaited))
        return awaited.addTimeout(PATIENCE_S, reactor)


class Gate:
    """A handler that keeps what it gets until opened."""

    def __init__(self) -> None:
        self.entered: Deferred[None] = Deferred()
        self.opened: Deferred[None] = Deferred()
        self.inside = 0
        self.most_inside = 0
        self.left = 0

    async def __call__(self, batch: Sequence[Delivery]) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        if not self.entered.called:
            self.entered.callback(None)
        await self.opened
        await deferLater(reactor, 0)
        self.inside -= 1
        self.left += len(batch)


class EventBusContract:
    """
    Mix in to a trial TestCase.

    `make_bus(queues)` returns a running bus that the test case stops afterwards.
    """

    async def make_bus(self, queues: Iterable[BoundQueue] = ()) -> Any:
        raise NotImplementedError

    def names(self) -> tuple[str, str]:
        """A queue and a routing key that no other test has."""
        unique = uuid4().hex[:12]
        return f"test-{unique}", f"test.{unique}.op"

    async def test_interface(self):
        """It has the methods that the interfaces promise."""
        bus = await self.make_bus()
        for interface in (IPublisher, ISubscriber, IDeadLetters):
            verifyObject(interface, bus)

    async def test_message_arrives_as_sent(self):
        """Key, body and headers come through untouched, Greek or binary."""
        bus = await self.make_bus()
        queue, key = self.names()
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        headers = {"Ομάδλ": "Υπολογιστές", "attempt": -1, "tags": ["λ", {"n": 2**40}], "none": None}
        body = "Αθηνά".encode() + bytes(range(256))
        await bus.publish(key, body, headers)
        await seen.until(1)
        self.assertEqual(seen.handled, [Delivery(key, body, headers, redelivered=False)])

    async def test_empty_and_large_bodies(self):
        """A body may be empty, or a mebibyte."""
        bus = await self.make_bus()
        queue, key = self.names()
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        bodies = [b"", b"\xff\x00" * (1 << 19)]
        for body in bodies:
            await bus.publish(key, body)
        await seen.until(2)
        self.assertEqual(seen.bodies, bodies)

    async def test_order_and_prefetch(self):
        """Messages sent without waiting arrive in order, in batches within the prefetch."""
        bus = await self.make_bus()
        queue, key = self.names()
        gate = Gate()
        seen = Recorder()

        async def slowly(batch: Sequence[Delivery]) -> None:
            await gate(batch)
            await seen(batch)

        await bus.subscribe(queue, [key], slowly, prefetch=7)
        bodies = [b"%d" % number for number in range(100)]
        sent = [soon(bus.publish(key, body)) for body in bodies]
        gate.opened.callback(None)
        for each in sent:
            await each
        await seen.until(100)
        self.assertEqual(seen.bodies, bodies)
        self.assertLessEqual(max(map(len, seen.batches)), 7)
        self.assertGreater(max(map(len, seen.batches)), 1)

    async def test_one_handler_call_at_a_time(self):
        """A handler is not called again before it has returned."""
        bus = await self.make_bus()
        queue, key = self.names()
        gate = Gate()
        await bus.subscribe(queue, [key], gate, prefetch=2)
        sent = [soon(bus.publish(key, b"%d" % number)) for number in range(6)]
        await gate.entered
        await deferLater(reactor, 0.05)
        gate.opened.callback(None)
        for each in sent:
            await each
        while gate.left < 6:
            await deferLater(reactor, 0.01)
        self.assertEqual(gate.most_inside, 1)

    async def test_every_queue_bound_gets_a_copy(self):
        """Two queues that take the same key both get the message."""
        bus = await self.make_bus()
        first, key = self.names()
        second, _ = self.names()
        one, other = Recorder(), Recorder()
        await bus.subscribe(first, [key], one)
        await bus.subscribe(second, [key], other)
        await bus.publish(key, b"news")
        await one.until(1)
        await other.until(1)
        self.assertEqual((one.bodies, other.bodies), ([b"news"], [b"news"]))

    async def test_patterns(self):
        """A star stands for one word and a hash for any number, also none."""
        bus = await self.make_bus()
        queue, key = self.names()
        seen = Recorder()
        await bus.subscribe(queue, [f"{key}.*.up", f"{key}.net.#"], seen)
        for tail in ("a.up", "net", "net.a.b"):
            await bus.publish(f"{key}.{tail}", tail.encode())
        for tail in ("up", "a.b.up", "network"):
            await self.assertFailure(soon(bus.publish(f"{key}.{tail}", b"")), NotPublished)
        await seen.until(3)
        self.assertEqual(seen.bodies, [b"a.up", b"net", b"net.a.b"])

    async def test_nobody_takes_it(self):
        """A message that no queue takes was not published."""
        bus = await self.make_bus()
        _, key = self.names()
        failure = await self.assertFailure(soon(bus.publish(key, b"")), NotPublished)
        self.assertEqual(failure.routing_key, key)

    async def test_what_cannot_travel_is_refused(self):
        """Headers, keys and queues that no broker takes are refused, and harm nothing."""
        bus = await self.make_bus()
        queue, key = self.names()
        seen = Recorder()
        await self.assertFailure(soon(bus.subscribe(queue, [key], seen, prefetch=0)), ValueError)
        await bus.subscribe(queue, [key], seen)
        for bad in (object(), 2**63, "\ud800", [{1: 2}]):
            await self.assertFailure(soon(bus.publish(key, b"bad", {"h": bad})), ValueError)
        await self.assertFailure(soon(bus.publish("k" * 256, b"bad")), ValueError)
        await bus.publish(key, b"good")
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"good"])

    async def test_failed_batch_comes_one_by_one(self):
        """After a failure each message of the batch comes alone, marked as redelivered."""
        bus = await self.make_bus()
        queue, key = self.names()
        gate = Gate()

        def judge(batch: Sequence[Delivery]) -> None:
            if len(batch) > 1:
                raise RuntimeError("one of these is bad")

        seen = Recorder(judge)

        async def gated(batch: Sequence[Delivery]) -> None:
            if not gate.left:
                await gate(batch)
            await seen(batch)

        await bus.subscribe(queue, [key], gated)
        sent = [soon(bus.publish(key, body)) for body in (b"0", b"1", b"2", b"3")]
        await gate.entered
        await deferLater(reactor, 0.05)
        gate.opened.callback(None)
        for each in sent:
            await each
        await seen.until(4)
        self.assertEqual(seen.bodies, [b"0", b"1", b"2", b"3"])
        failed = next(batch for batch in seen.batches if len(batch) > 1)
        alone = [each for each in seen.handled if each.body in [one.body for one in failed]]
        self.assertTrue(all(each.redelivered for each in alone))

    async def test_failure_is_tried_again(self):
        """A message whose handler fails comes again before any later one."""
        bus = await self.make_bus()
        queue, key = self.names()
        failures = iter((RuntimeError("the database is away"), RuntimeError("still away")))

        def judge(batch: Sequence[Delivery]) -> None:
            for failure in failures:
                raise failure

        seen = Recorder(judge)
        await bus.subscribe(queue, [key], seen, prefetch=1)
        sent = [soon(bus.publish(key, body)) for body in (b"first", b"second")]
        for each in sent:
            await each
        await seen.until(2)
        self.assertEqual(seen.bodies, [b"first", b"second"])
        self.assertEqual(await bus.dead_letters(queue), [])

    async def test_poison_is_put_aside(self):
        """A poison message is kept with the dead letters of its queue; the others go on."""
        bus = await self.make_bus()
        queue, key = self.names()
        seen = Recorder(_poison_is(b"bad"))
        await bus.subscribe(queue, [key], seen)
        for body in (b"good", b"bad", b"better"):
            await bus.publish(key, body, {"n": 1})
        await seen.until(2)
        self.assertEqual(seen.bodies, [b"good", b"better"])
        (letter,) = await self.until_dead(bus, queue, 1)
        self.assertEqual((letter.routing_key, letter.body, letter.headers["n"]), (key, b"bad", 1))

    async def test_dead_letters_are_the_queue_s_own(self):
        """Another queue that takes the same message does not get its dead letter."""
        bus = await self.make_bus()
        poisoned, key = self.names()
        healthy, _ = self.names()
        await bus.subscribe(healthy, [key], Recorder())
        await bus.subscribe(poisoned, [key], Recorder(_poison_is(b"bad")))
        await bus.publish(key, b"bad")
        await self.until_dead(bus, poisoned, 1)
        self.assertEqual(await bus.dead_letters(healthy), [])

    async def test_dead_letters_are_replayed(self):
        """Replay publishes the oldest dead letters as they were, and takes them away."""
        bus = await self.make_bus()
        queue, key = self.names()
        poison = [b"1", b"2", b"3"]

        def judge(batch: Sequence[Delivery]) -> None:
            if any(each.body in poison for each in batch):
                raise PoisonMessage("not yet known")

        seen = Recorder(judge)
        await bus.subscribe(queue, [key], seen)
        for body in (b"1", b"2", b"3"):
            await bus.publish(key, body, {"n": -7})
        await self.until_dead(bus, queue, 3)
        poison.clear()
        self.assertEqual(await bus.replay(queue, 2), 2)
        await seen.until(2)
        self.assertEqual(
            [(each.routing_key, each.body, each.headers) for each in seen.handled],
            [(key, b"1", {"n": -7}), (key, b"2", {"n": -7})],
        )
        self.assertEqual([each.body for each in await bus.dead_letters(queue)], [b"3"])

    async def test_dead_letters_are_dropped(self):
        """The oldest go for good, and come to no handler."""
        bus = await self.make_bus()
        queue, key = self.names()

        def judge(batch: Sequence[Delivery]) -> None:
            raise PoisonMessage("never known")

        seen = Recorder(judge)
        await bus.subscribe(queue, [key], seen)
        for body in (b"1", b"2", b"3"):
            await bus.publish(key, body)
        await self.until_dead(bus, queue, 3)
        self.assertEqual(await bus.drop(queue, 2), 2)
        self.assertEqual([each.body for each in await self.until_dead(bus, queue, 1)], [b"3"])
        self.assertEqual(seen.bodies, [])

    async def test_dead_letters_of_no_queue(self):
        """Asking for the dead letters of an unknown queue says so."""
        bus = await self.make_bus()
        queue, _ = self.names()
        await self.assertFailure(soon(bus.dead_letters(queue)), NoSuchQueue)
        await self.assertFailure(soon(bus.replay(queue)), NoSuchQueue)
        await self.assertFailure(soon(bus.drop(queue)), NoSuchQueue)

    async def test_queue_keeps_messages_for_a_later_subscriber(self):
        """What is published while nobody subscribes reaches the next subscriber."""
        queue, key = self.names()
        bus = await self.make_bus([BoundQueue(queue, (key,))])
        sent = soon(bus.publish(key, b"early"))
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        await sent
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"early"])

    async def test_cancel_waits_for_the_handler(self):
        """Cancelling lets the handler finish, and what it finished is not delivered again."""
        bus = await self.make_bus()
        queue, key = self.names()
        gate = Gate()
        subscription = await bus.subscribe(queue, [key], gate)
        sent = soon(bus.publish(key, b"in hand"))
        await gate.entered
        cancelled = soon(subscription.cancel())
        await deferLater(reactor, 0.02)
        self.assertNoResult(cancelled)
        gate.opened.callback(None)
        await cancelled
        await sent
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        await bus.publish(key, b"next")
        await seen.until(1)
        self.assertEqual((gate.left, seen.bodies), (1, [b"next"]))

    async def test_cancel_ends_the_retries(self):
        """A message that failed when its subscription ended goes to the next subscriber."""
        bus = await self.make_bus()
        queue, key = self.names()
        tried: Deferred[None] = Deferred()

        async def failing(batch: Sequence[Delivery]) -> None:
            if not tried.called:
                tried.callback(None)
            raise RuntimeError("never works")

        subscription = await bus.subscribe(queue, [key], failing)
        sent = soon(bus.publish(key, b"stubborn"))
        await tried
        await subscription.cancel()
        await subscription.cancel()
        seen = Recorder()
        await bus.subscribe(queue, [key], seen)
        await sent
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"stubborn"])

    async def test_one_handler_for_a_queue(self):
        """A second handler for the queue is refused: it would break the order."""
        bus = await self.make_bus()
        queue, key = self.names()
        await bus.subscribe(queue, [key], Recorder())
        await self.assertFailure(soon(bus.subscribe(queue, [key], Recorder())), ValueError)

    async def test_handler_may_publish(self):
        """A handler can publish what another queue takes."""
        bus = await self.make_bus()
        queue, key = self.names()
        following, next_key = self.names()
        seen = Recorder()

        async def forward(batch: Sequence[Delivery]) -> None:
            for delivery in batch:
                await bus.publish(next_key, delivery.body)

        await bus.subscribe(following, [next_key], seen)
        await bus.subscribe(queue, [key], forward)
        await bus.publish(key, b"on")
        await seen.until(1)
        self.assertEqual(seen.bodies, [b"on"])

    async def until_dead(self, bus: Any, queue: str, number: int) -> list[Delivery]:
        """The dead letters of `queue`, once there are `number`."""
        for _ in range(int(PATIENCE_S / 0.02)):
            letters = await bus.dead_letters(queue)
            if len(letters) >= number:
                return letters
            await deferLater(reactor, 0.02)
        raise AssertionError(f"{number} dead letters wanted, {letters} there")


def _poison_is(body: bytes) -> Callable[[Sequence[Delivery]], None]:
    def judge(batch: Sequence[Delivery]) -> None:
        if any(each.body == body for each in batch):
            raise PoisonMessage("made so")

    return judge
