"""The bus of one process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from synnefo_tx.daemon.bus.interface import Delivery, NotPublished
from synnefo_tx.daemon.bus.memory import MemoryBus
from synnefo_tx.daemon.bus.topology import BoundQueue
from tests.contracts.event_bus import EventBusContract, Recorder


class MemoryBusContractTests(EventBusContract, TestCase):
    """It does what every bus must."""

    async def make_bus(self, queues: Iterable[BoundQueue] = ()) -> MemoryBus:
        return MemoryBus(queues=queues)


class MemoryBusTests(SynchronousTestCase):
    """What only a bus without a broker promises."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = MemoryBus(self.clock, [BoundQueue("q", ("key",))], timeout_s=5)

    def publish(self, body: bytes) -> Deferred[None]:
        return Deferred.fromCoroutine(self.bus.publish("key", body))

    def subscribe(self, handler) -> object:
        return self.successResultOf(
            Deferred.fromCoroutine(self.bus.subscribe("q", ["key"], handler))
        )

    def test_returns_after_the_handler(self) -> None:
        """A message is safe only once it has been handled."""
        gate: Deferred[None] = Deferred()

        async def handler(batch: Sequence[Delivery]) -> None:
            await gate

        self.subscribe(handler)
        published = self.publish(b"")
        self.assertNoResult(published)
        gate.callback(None)
        self.successResultOf(published)

    def test_nobody_handles_it_in_time(self) -> None:
        """Without a subscriber publishing fails, and the message is not handled later."""
        published = self.publish(b"forgotten")
        self.clock.advance(4.9)
        self.assertNoResult(published)
        self.clock.advance(0.2)
        self.failureResultOf(published, NotPublished)
        seen = Recorder()
        self.subscribe(seen)
        self.assertEqual(seen.bodies, [])

    def test_failing_handler_is_slowed_down(self) -> None:
        """A failing handler is called again after 0.5, 1, 2 and 4 s."""
        calls = []

        async def handler(batch: Sequence[Delivery]) -> None:
            calls.append(self.clock.seconds())
            raise RuntimeError("no database")

        self.subscribe(handler)
        published = self.publish(b"")
        self.clock.pump([0.125] * 64)
        self.failureResultOf(published, NotPublished)
        gaps = [after - before for before, after in pairwise(calls)]
        self.assertEqual(gaps, [0.0, 0.5, 1.0, 2.0, 4.0])

    def test_held_message_is_handled_though_its_publisher_gave_up(self) -> None:
        """NotPublished means unknown: a handler that has the message may still finish it."""
        gate: Deferred[None] = Deferred()
        done = []

        async def handler(batch: Sequence[Delivery]) -> None:
            await gate
            done.extend(batch)

        self.subscribe(handler)
        published = self.publish(b"")
        self.clock.advance(6)
        self.failureResultOf(published, NotPublished)
        gate.callback(None)
        self.assertEqual(len(done), 1)

    def test_publisher_may_be_cancelled(self) -> None:
        """A cancelled publisher leaves no time-out behind, nor its message."""
        published = self.publish(b"")
        published.cancel()
        self.failureResultOf(published)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        seen = Recorder()
        self.subscribe(seen)
        self.assertEqual(seen.bodies, [])

    def test_handler_publishes_to_its_own_queue_without_waiting(self) -> None:
        """A message that a handler publishes comes in a later call, not inside this one."""
        order = []

        async def handler(batch: Sequence[Delivery]) -> None:
            order.append(f"enter {batch[0].body.decode()}")
            if batch[0].body == b"1":
                self.publish(b"2")
            order.append(f"leave {batch[0].body.decode()}")

        self.subscribe(handler)
        self.successResultOf(self.publish(b"1"))
        self.assertEqual(order, ["enter 1", "leave 1", "enter 2", "leave 2"])
