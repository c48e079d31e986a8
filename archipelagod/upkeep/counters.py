"""
What upkeep did, for the metrics.
"""

from __future__ import annotations

import threading
from typing import Any

from archipelagod.volume.census import Step

JOBS = ("gc", "own", "blocks", "orphans", "scrub")


class Counters:
    """
    Sums since the daemon began, by job.  Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, dict[str, Any]] = {job: self._blank() for job in JOBS}

    def _blank(self) -> dict[str, Any]:
        counts = dict.fromkeys(Step._fields, 0)
        return {
            **counts,
            "passes": 0,
            "failures": 0,
            "seconds": 0.0,
            "last_seconds": 0.0,
            "last_error": "",
            "is_running": False,
            "done": 0,
            "total": 0,
        }

    def begun(self, job: str) -> None:
        """
        A pass begins.
        """
        with self._lock:
            self._jobs[job].update(is_running=True, done=0, total=0)

    def step(self, job: str, step: Step) -> None:
        """
        A step was made.
        """
        counts = self._jobs[job]
        with self._lock:
            for name, number in zip(Step._fields, step, strict=True):
                if number:
                    counts[name] += number

    def progress(self, job: str, done: int, total: int) -> None:
        """
        How far the pass is.
        """
        with self._lock:
            self._jobs[job].update(done=done, total=total)

    def ended(self, job: str, seconds: float, error: str = "") -> None:
        """
        A pass came to its end, or failed with ``error``.
        """
        with self._lock:
            counts = self._jobs[job]
            counts.update(is_running=False, last_seconds=seconds, last_error=error)
            counts["seconds"] += seconds
            counts["failures" if error else "passes"] += 1

    def set(self, job: str, name: str, value: Any) -> None:
        """
        Something that only one job has.
        """
        with self._lock:
            self._jobs[job][name] = value

    def freed_bytes(self) -> int:
        """
        Given back by all jobs.
        """
        with self._lock:
            return sum(counts["freed_bytes"] for counts in self._jobs.values())

    def statistics(self) -> dict[str, dict[str, Any]]:
        """
        All of it.
        """
        with self._lock:
            return {job: dict(counts) for job, counts in self._jobs.items()}
