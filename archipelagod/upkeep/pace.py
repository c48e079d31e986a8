"""
How fast upkeep goes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Protocol, TypeVar

from archipelagod.volume.census import Step

T = TypeVar("T")
BURST_S = 0.1  # what was not used in the last moment may be used now
SHORTEST_S = 0.005  # shorter waits are put off


class Stopped(Exception):
    """
    Upkeep is to end: what is left is done another time.
    """


class IClock(Protocol):
    """
    Time that passes, and may end.
    """

    def now_s(self) -> float:
        """
        Seconds since any moment; never goes back.
        """

    def wait(self, seconds: float) -> bool:
        """
        Returns after ``seconds``, or True at once when all is to stop.
        """


class ThreadClock:
    """
    Time as it is, for threads.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now_s(self) -> float:
        """See IClock."""
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        """See IClock."""
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        """
        Ends every wait, for good.
        """
        self._stopped.set()


class Pace:
    """
    Keeps the work of one pass to so much a second.

    rates: of each thing that a step may count; 0 for any number.
    """

    def __init__(self, clock: IClock, rates: Step) -> None:
        self._clock = clock
        self._costs = tuple(1 / rate if rate else 0.0 for rate in rates)
        self._due_s = clock.now_s()  # when all that was done would have been done at that rate

    def spend(self, step: Step) -> None:
        """
        Waits until ``step`` is paid for.  Raises Stopped.
        """
        cost_s = sum(map(float.__mul__, self._costs, map(float, step)))
        now_s = self._clock.now_s()
        self._due_s = max(self._due_s, now_s - BURST_S) + cost_s
        ahead_s = self._due_s - now_s
        if self._clock.wait(ahead_s if ahead_s > SHORTEST_S else 0):
            raise Stopped


def run(
    steps: Generator[Step, None, T],
    pace: Pace,
    tell: Callable[[Step], None] = lambda step: None,
    check: Callable[[Step], None] = lambda step: None,
) -> T:
    """
    Does all steps at that pace; what the generator returns.  ``tell`` hears of each step, and
    ``check`` right before the next.

    Raises Stopped, and what the generator and ``check`` raise.
    """
    try:
        while True:
            step = next(steps)
            tell(step)
            pace.spend(step)
            check(step)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()
