"""
What was done for the clients of a volume, in figures.  Standard library only.

Each thread that serves a client has counters of its own, so that nobody needs a lock to count; they
are added when someone asks.
"""

from __future__ import annotations

import threading
from typing import Any

READ, WRITE, FLUSH, ZERO, DISCARD, OTHER = range(6)
NAMES = ("read", "write", "flush", "zero", "discard", "other")
BUCKETS = 28  # the last is for a minute and more


def bucket(nanoseconds: int) -> int:
    """
    The place in a histogram: latencies below 2**place microseconds, and not below half of that.
    """
    return min((nanoseconds // 1000).bit_length(), BUCKETS - 1)


class Counts:
    """
    The figures of one thread: by operation, requests in ``latency[operation][bucket]``, and bytes
    and errors.  ``microseconds`` is the sum of all latencies.
    """

    __slots__ = ("bytes", "errors", "latency", "microseconds")

    def __init__(self) -> None:
        self.bytes = [0] * len(NAMES)
        self.errors = [0] * len(NAMES)
        self.microseconds = [0] * len(NAMES)
        self.latency = [[0] * BUCKETS for _ in NAMES]

    def took(self, operations: list[int], nanoseconds: int) -> None:
        """
        These operations were answered together, so long after they came.
        """
        place = bucket(nanoseconds)
        microseconds = nanoseconds // 1000
        for operation in operations:
            self.latency[operation][place] += 1
            self.microseconds[operation] += microseconds

    def add(self, other: Counts) -> None:
        """
        Takes the other's figures in.
        """
        for operation in range(len(NAMES)):
            self.bytes[operation] += other.bytes[operation]
            self.errors[operation] += other.errors[operation]
            self.microseconds[operation] += other.microseconds[operation]
            for place, count in enumerate(other.latency[operation]):
                self.latency[operation][place] += count

    def figures(self) -> dict[str, Any]:
        """
        As a value for JSON; operations that never came are left out.
        """
        return {
            name: {
                "count": sum(self.latency[operation]),
                "bytes": self.bytes[operation],
                "errors": self.errors[operation],
                "microseconds": self.microseconds[operation],
                "latency": _trimmed(self.latency[operation]),
            }
            for operation, name in enumerate(NAMES)
            if any(self.latency[operation])
        }


def _trimmed(latency: list[int]) -> list[int]:
    """
    Without the zeros at the end.
    """
    size = len(latency)
    while size and not latency[size - 1]:
        size -= 1
    return latency[:size]


class Tally:
    """
    The figures of a volume.  Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past = Counts()  # of threads that ended
        self._present: list[Counts] = []

    def begin(self) -> Counts:
        """
        Counters for one more thread.
        """
        counts = Counts()
        with self._lock:
            self._present.append(counts)
        return counts

    def end(self, counts: Counts) -> None:
        """
        The thread ended.
        """
        with self._lock:
            self._present.remove(counts)
            self._past.add(counts)

    def total(self) -> Counts:
        """
        The sum of all.
        """
        total = Counts()
        with self._lock:
            for counts in (self._past, *self._present):
                total.add(counts)
        return total
