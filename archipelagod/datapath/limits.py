"""
How much the clients of a volume may do together.  Standard library only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from archipelagod.wire.values import Limits

MAX_NAP_S = 0.5  # so that new limits are noticed
LEAST_BURST_S = 0.01  # saved up in any case: a sleep is no more exact than that


class Bucket:
    """
    Fills with ``rate`` units a second, up to what ``burst_s`` seconds bring.  It lends: whoever
    takes more than there is waits until the debt is paid, so a request larger than the bucket is
    possible too.  Not thread-safe.
    """

    def __init__(self, rate: float, burst_s: float, now_s: float) -> None:
        self._rate = rate
        self._most = rate * max(burst_s, LEAST_BURST_S)
        self._level = self._most
        self._filled_s = now_s

    def take(self, units: float, now_s: float) -> float:
        """
        Takes; the seconds to wait until that is paid for.
        """
        gained = (now_s - self._filled_s) * self._rate
        self._level = min(self._most, self._level + gained) - units
        self._filled_s = now_s
        return max(0.0, -self._level / self._rate)


class Limiter:
    """
    The limits of one volume, for all threads that serve it.

    is_set: whether there are any; look at that first.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.is_set = False
        self._now_s = now_s
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._buckets: tuple[Bucket | None, Bucket | None] = (None, None)

    def set(self, limits: Limits) -> None:
        """
        New limits, at once: what waits for the old ones goes on.
        """
        now_s = self._now_s()
        with self._lock:
            made = [
                Bucket(rate, limits.burst_seconds, now_s) if rate > 0 else None
                for rate in (limits.iops, limits.bytes_per_second)
            ]
            self._buckets = (made[0], made[1])
            self.is_set = any(made)
            woken, self._changed = self._changed, threading.Event()
        woken.set()

    def take(self, size: int) -> float:
        """
        Counts a request of ``size`` bytes; the seconds that it has to wait.
        """
        with self._lock:
            now_s = self._now_s()
            requests, amount = self._buckets
            wait_s = requests.take(1, now_s) if requests else 0.0
            return max(wait_s, amount.take(size, now_s) if amount else 0.0)

    def wait(self, wait_s: float, is_over: Callable[[], bool]) -> None:
        """
        Returns after so many seconds, when the limits change, or soon after ``is_over()``.
        """
        changed = self._changed
        end_s = self._now_s() + wait_s
        while (left_s := end_s - self._now_s()) > 0 and not is_over():
            if changed.wait(min(left_s, MAX_NAP_S)):
                return
