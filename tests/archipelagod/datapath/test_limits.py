"""
How much clients may do.
"""

from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.limits import Bucket, Limiter
from archipelagod.wire.values import Limits


class BucketTests(SynchronousTestCase):
    """Bucket, by a clock of ours."""

    def test_burst_is_free(self) -> None:
        """What was saved up costs no waiting; then each unit costs its time."""
        bucket = Bucket(10.0, 2.0, 0.0)
        self.assertEqual([bucket.take(1, 0.0) for _ in range(20)], [0.0] * 20)
        self.assertAlmostEqual(bucket.take(1, 0.0), 0.1)
        self.assertAlmostEqual(bucket.take(1, 0.0), 0.2)

    def test_no_more_than_the_burst_is_saved(self) -> None:
        """An hour of silence buys no more than the burst."""
        bucket = Bucket(10.0, 1.0, 0.0)
        self.assertEqual(bucket.take(10, 3600.0), 0.0)
        self.assertAlmostEqual(bucket.take(1, 3600.0), 0.1)

    def test_larger_than_the_bucket(self) -> None:
        """A request larger than the bucket is possible; it and its followers wait for it."""
        bucket = Bucket(100.0, 0.1, 0.0)
        self.assertAlmostEqual(bucket.take(1010, 0.0), 10.0)
        self.assertAlmostEqual(bucket.take(0, 4.0), 6.0)

    @given(
        st.floats(1, 1e6),
        st.floats(0, 3),
        st.lists(st.tuples(st.integers(0, 100), st.floats(0, 2)), max_size=40),
    )
    def test_never_more_than_the_rate(
        self, rate: float, burst_s: float, steps: list[tuple[int, float]]
    ) -> None:
        """Whoever waits as told never has more than the rate and the burst allow."""
        bucket = Bucket(rate, burst_s, 0.0)
        now_s, taken = 0.0, 0
        for units, pause_s in steps:
            now_s += pause_s
            now_s += bucket.take(units, now_s)
            taken += units
            self.assertLessEqual(taken, rate * (now_s + max(burst_s, 0.01)) * 1.001 + 0.001)


class LimiterTests(SynchronousTestCase):
    """Limiter."""

    def setUp(self) -> None:
        """A limiter with a clock of ours."""
        self.now_s = 100.0
        self.limiter = Limiter(lambda: self.now_s)

    def test_none(self) -> None:
        """Without limits nobody waits."""
        self.assertFalse(self.limiter.is_set)
        self.limiter.set(Limits(10, 0, 1))
        self.assertTrue(self.limiter.is_set)
        self.limiter.set(Limits())
        self.assertFalse(self.limiter.is_set)
        self.assertEqual(self.limiter.take(1 << 30), 0.0)

    def test_the_stricter_counts(self) -> None:
        """Requests and bytes are both counted, and the longer wait is told."""
        self.limiter.set(Limits(iops=10, bytes_per_second=1000, burst_seconds=1))
        self.assertEqual(self.limiter.take(1000), 0.0)
        self.assertAlmostEqual(self.limiter.take(500), 0.5)
        for _ in range(8):
            self.limiter.take(0)
        self.assertAlmostEqual(self.limiter.take(0), 0.5)
        for _ in range(9):
            self.limiter.take(0)
        self.assertAlmostEqual(self.limiter.take(0), 1.1)

    def test_new_limits_wake(self) -> None:
        """Whoever waits goes on at once when the limits change."""
        limiter = Limiter()
        limiter.set(Limits(iops=0.001))
        waiter = threading.Thread(target=limiter.wait, args=(1000.0, lambda: False))
        waiter.start()
        time.sleep(0.05)
        limiter.set(Limits())
        waiter.join(5)
        self.assertFalse(waiter.is_alive())

    def test_end(self) -> None:
        """Whoever is to end does not wait on."""
        limiter = Limiter()
        began = time.monotonic()
        limiter.wait(1000.0, lambda: True)
        self.assertLess(time.monotonic() - began, 5)
