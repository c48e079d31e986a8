"""
How fast upkeep goes, and when.
"""

from __future__ import annotations

from collections.abc import Generator

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.upkeep.marks import Marks
from archipelagod.upkeep.pace import BURST_S, Pace, Stopped, ThreadClock, run
from archipelagod.upkeep.schedule import RETRY_S, SHARE, Schedule
from archipelagod.volume.census import Step


class FakeClock:
    """
    Time that only waiting moves.
    """

    def __init__(self, lasts_s: float = 1e9) -> None:
        self.s = 0.0
        self.lasts_s = lasts_s

    def now_s(self) -> float:
        """See IClock."""
        return self.s

    def wait(self, seconds: float) -> bool:
        """See IClock."""
        self.s += seconds
        return self.s > self.lasts_s


class PaceTests(SynchronousTestCase):
    """Pace."""

    @given(st.lists(st.integers(0, 50), min_size=1, max_size=100))
    def test_rate(self, counts: list[int]) -> None:
        """All takes as long as the rate says, but for a short while's worth."""
        clock = FakeClock()
        pace = Pace(clock, Step(objects=100))
        for count in counts:
            pace.spend(Step(objects=count, maps=1000))
        self.assertLessEqual(abs(clock.s - sum(counts) / 100), BURST_S)

    def test_stopped(self) -> None:
        """A pass ends where it is when all is to stop."""
        clock = FakeClock(lasts_s=1)
        closed = []

        def steps() -> Generator[Step, None, None]:
            try:
                while True:
                    yield Step(objects=1)
            finally:
                closed.append(clock.s)

        self.assertRaises(Stopped, run, steps(), Pace(clock, Step(objects=10)))
        self.assertEqual(len(closed), 1)
        self.assertLess(clock.s, 1.3)

    def test_thread_clock(self) -> None:
        """A stopped clock ends every wait at once."""
        clock = ThreadClock()
        self.assertFalse(clock.wait(0))
        clock.stop()
        self.assertTrue(clock.wait(1000))


class ScheduleTests(SynchronousTestCase):
    """Schedule."""

    def idle(self) -> Schedule:
        """After the first pass, which took no time."""
        schedule = Schedule(3, 0)
        self.assertEqual(schedule.due_s(), 3)
        self.assertIs(schedule.begun(), None)
        schedule.ended(3, 0)
        self.assertIs(schedule.due_s(), None)
        return schedule

    def test_debounce(self) -> None:
        """A pass begins when nothing was deleted for a while, or for all too long."""
        schedule = self.idle()
        schedule.deleted(1, 10)
        schedule.deleted(2, 12)
        self.assertEqual(schedule.due_s(), 15)
        for moment in range(12, 100):
            schedule.deleted(3, moment)
        self.assertEqual(schedule.due_s(), 40)
        self.assertEqual(schedule.begun(), {1, 2, 3})

    def test_share(self) -> None:
        """A long pass is followed by a longer pause."""
        schedule = self.idle()
        schedule.deleted(1, 10)
        schedule.begun()
        schedule.deleted(2, 14)
        schedule.ended(20, 7)
        self.assertEqual(schedule.due_s(), 20 + 7 * SHARE)
        self.assertEqual(schedule.families, {2})

    def test_failed(self) -> None:
        """What was not looked at is looked at later."""
        schedule = self.idle()
        schedule.deleted(1, 10)
        schedule.failed(schedule.begun(), 20, 0)
        self.assertEqual(schedule.due_s(), 20 + RETRY_S)
        self.assertEqual(schedule.begun(), {1})
        schedule.failed(None, 90, 0)
        self.assertIs(schedule.families, None)


class MarksTests(SynchronousTestCase):
    """Marks."""

    @given(
        st.lists(st.tuples(st.sampled_from([0, 7, 255]), st.binary(min_size=4, max_size=4))),
        st.sampled_from([0, 10, 1000]),
    )
    def test_sets(self, added: list[tuple[int, bytes]], buffered_bytes: int) -> None:
        """In memory or in a file: what was added to a partition is in it."""
        marks = Marks(4, buffered_bytes)
        self.addCleanup(marks.close)
        for number, (partition, name) in enumerate(added):
            marks.add(partition, name)
            if number % 5 == 0:
                marks.load(partition)
        for partition in (0, 7, 255, 9):
            wanted = {name for where, name in added if where == partition}
            self.assertEqual(marks.load(partition), wanted)
