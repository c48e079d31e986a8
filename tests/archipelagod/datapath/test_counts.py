"""
Figures of what was done.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.counts import BUCKETS, READ, WRITE, Counts, Tally, bucket


class CountsTests(SynchronousTestCase):
    """Counts and Tally."""

    @given(st.integers(0, 1 << 50))
    def test_bucket(self, nanoseconds: int) -> None:
        """A latency is below the bound of its bucket, and not below that of the one before."""
        place = bucket(nanoseconds)
        microseconds = nanoseconds // 1000
        if place < BUCKETS - 1:
            self.assertLess(microseconds, 2**place)
        if place:
            self.assertGreaterEqual(microseconds, 2 ** (place - 1))

    def test_figures(self) -> None:
        """What never came is left out, and so are the empty buckets at the end."""
        counts = Counts()
        counts.took([READ, READ], 3_000)
        counts.bytes[READ] += 8192
        self.assertEqual(
            counts.figures(),
            {
                "read": {
                    "count": 2,
                    "bytes": 8192,
                    "errors": 0,
                    "microseconds": 6,
                    "latency": [0, 0, 2],
                }
            },
        )

    def test_tally(self) -> None:
        """Those who went are counted with those who are there."""
        tally = Tally()
        gone, there = tally.begin(), tally.begin()
        gone.took([WRITE], 1)
        there.took([WRITE, READ], 1)
        tally.end(gone)
        figures = tally.total().figures()
        self.assertEqual((figures["write"]["count"], figures["read"]["count"]), (2, 1))
