"""
Statistics of many volumes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.counts import BUCKETS, NAMES, Counts
from archipelagod.datapath.gathering import TOGETHER, Gathering
from archipelagod.datapath.messages import MAX_MESSAGE, pack
from archipelagod.wire.errors import StorageUnavailable


class GatheringTests(SynchronousTestCase):
    """Gathering, over a worker that knows even numbers."""

    def setUp(self) -> None:
        """The worker."""
        self.clock = Clock()
        self.asked: list[list[int]] = []
        self.is_dead = False
        self.gathering = Gathering(self.clock, self.answer)

    async def answer(self, numbers: list[int]) -> list[dict[str, Any] | None]:
        """What the worker says."""
        self.asked.append(numbers)
        if self.is_dead:
            raise StorageUnavailable("the worker died")
        return [None if number % 2 else {"number": number} for number in numbers]

    def ask(self, number: int) -> Deferred[dict[str, Any]]:
        """For a volume."""
        return Deferred.fromCoroutine(self.gathering.statistics(number))

    def test_together(self) -> None:
        """A thousand volumes take some messages."""
        found = [self.ask(2 * number) for number in range(1000)]
        self.clock.advance(0)
        self.assertEqual(len(self.asked), -(-1000 // TOGETHER))
        for number, each in enumerate(found):
            self.assertEqual(self.successResultOf(each), {"number": 2 * number})

    def test_asked_twice(self) -> None:
        """Who asks for the same shares the answer; who asks later gets a later one."""
        first, second = self.ask(2), self.ask(2)
        self.clock.advance(0)
        third = self.ask(2)
        self.clock.advance(0)
        self.assertEqual(self.asked, [[2], [2]])
        for each in (first, second, third):
            self.assertEqual(self.successResultOf(each), {"number": 2})

    def test_closed(self) -> None:
        """A volume that was closed has none, and the others have theirs."""
        closed, open_one = self.ask(1), self.ask(2)
        self.clock.advance(0)
        self.failureResultOf(closed, StorageUnavailable)
        self.successResultOf(open_one)

    def test_dead(self) -> None:
        """A worker that died has none."""
        self.is_dead = True
        found = [self.ask(number) for number in range(2 * TOGETHER)]
        self.clock.advance(0)
        for each in found:
            self.failureResultOf(each, StorageUnavailable)

    def test_fits(self) -> None:
        """The longest figures of so many volumes fit a message."""
        names = ("connections", "size_bytes", "dirty_bytes", "flush_groups", "largest_flush_group")
        counts = Counts()
        counts.bytes = counts.errors = counts.microseconds = [1 << 62] * len(NAMES)
        counts.latency = [[10**11] * BUCKETS for _ in NAMES]
        figures = {**dict.fromkeys(names, 1 << 62), "operations": counts.figures()}
        self.assertLess(len(pack({"id": 1 << 62, "result": [figures] * TOGETHER})), MAX_MESSAGE)
