"""
The watch on the reactor.
"""

from __future__ import annotations

import threading
import time

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from synnefo_tx.daemon.slow_callbacks import SlowCallbacks, starved_s


def hold_the_reactor() -> None:
    """What a callback must never do."""
    time.sleep(0.3)


class SlowCallbacksTests(TestCase):
    """What is told, and what isn't."""

    timeout = 20

    def setUp(self) -> None:
        self.told: list[tuple[float, str]] = []
        self.watch = SlowCallbacks(reactor, 0.1, lambda *what: self.told.append(what))
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    async def test_blocking_callback_is_named(self) -> None:
        """The stack that held the reactor is told, once."""
        await deferLater(reactor, 0.05)
        await deferLater(reactor, 0, hold_the_reactor)
        await deferLater(reactor, 0.05)
        stacks = [stack for _, stack in self.told if "hold_the_reactor" in stack]
        self.assertEqual(len(stacks), 1)

    async def test_busy_machine(self) -> None:
        """Time in which other processes had the processor does not count."""
        starved = iter(range(1000))  # seconds: more than passes
        watch = SlowCallbacks(reactor, 0.1, self.fail, lambda _: float(next(starved)))
        watch.startService()
        await deferLater(reactor, 0.05)
        await deferLater(reactor, 0, hold_the_reactor)
        await deferLater(reactor, 0.05)
        watch.stopService()

    def test_processor_was_elsewhere(self) -> None:
        """Linux counts how long a thread waited for a processor."""
        before_s = starved_s(threading.get_native_id())
        self.assertGreaterEqual(before_s, 0.0)
        self.assertLess(before_s, time.monotonic())
        self.assertEqual(starved_s(0), 0.0)

    async def test_waiting_is_not_blocking(self) -> None:
        """A reactor that only waits beats on."""
        await deferLater(reactor, 0.4)
        self.assertEqual([stack for _, stack in self.told if "deferLater" in stack], [])
