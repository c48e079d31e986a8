"""
How many jobs of a kind may be at work at once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable

from attrs import define, field, frozen

from ganetid.jobs.locks import Key
from ganetid.jobs.model import Job

REASON = re.compile(r"rate-limit:([0-9]{1,9}):(.*)", re.DOTALL)


@frozen
class RateLimit:
    """At most `most` jobs with this label; a label is ("reason", text) or ("filter", uuid)."""

    label: tuple[str, str]
    most: int


def from_reasons(job: Job) -> tuple[RateLimit, ...]:
    """The limits that a job's reason trail asks for: ``rate-limit:n:label``, as in Ganeti."""
    limits = {}
    for op in job.ops:
        for entry in op.input.get("reason") or ():
            found = REASON.fullmatch(str(entry[1])) if len(entry) > 1 else None
            if found is not None and int(found[1]) > 0:
                limits["reason", found[2]] = int(found[1])
    return tuple(RateLimit(label, most) for label, most in limits.items())


@define
class _Bucket:
    """Jobs at work under a label, and those that wait for a place, in order."""

    busy: set[int] = field(factory=set)
    waiting: list[Key] = field(factory=list)


class RateLimits:
    """
    All limits.  A job has all its places or none, so that nobody waits in a circle.

    A place is held from when the job lines up for locks until it has ended.
    """

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._limits: dict[int, tuple[RateLimit, ...]] = {}
        self._waits: dict[int, tuple[tuple[str, str], Key]] = {}

    def enter(self, number: int, priority: int, limits: Iterable[RateLimit]) -> bool:
        """Whether the job has its places; if not, it waits."""
        wanted = tuple(limits)
        if not wanted:
            return True
        self._limits[number] = wanted
        return self._try(number, (priority, number))

    def count(self, number: int, limits: Iterable[RateLimit]) -> None:
        """The job is at work already and counts, even if that is one too many."""
        self._limits[number] = wanted = tuple(limits)
        for limit in wanted:
            self._buckets.setdefault(limit.label, _Bucket()).busy.add(number)

    def leave(self, number: int) -> list[int]:
        """The job needs no place any more; those who now have theirs."""
        limits = self._limits.pop(number, ())
        waits = self._waits.pop(number, None)
        if waits is not None:
            label, key = waits
            waiting = self._buckets[label].waiting
            del waiting[bisect_left(waiting, key)]
            self._tidy(label)
            return []
        free: list[int] = []
        for limit in limits:
            self._buckets[limit.label].busy.discard(number)
            free += self._admit(limit.label)
            self._tidy(limit.label)
        return free

    def is_waiting(self, number: int) -> bool:
        """Whether the job waits here."""
        return number in self._waits

    def _admit(self, label: tuple[str, str]) -> list[int]:
        admitted: list[int] = []
        bucket = self._buckets[label]
        while bucket.waiting:
            key = bucket.waiting[0]
            number = key[1]
            if self._is_full(label, number):
                break
            del bucket.waiting[0]
            del self._waits[number]
            if self._try(number, key):
                admitted.append(number)
        return admitted

    def _try(self, number: int, key: Key) -> bool:
        for limit in self._limits[number]:
            bucket = self._buckets.setdefault(limit.label, _Bucket())
            if len(bucket.busy) >= limit.most:
                insort(bucket.waiting, key)
                self._waits[number] = (limit.label, key)
                return False
        for limit in self._limits[number]:
            self._buckets[limit.label].busy.add(number)
        return True

    def _is_full(self, label: tuple[str, str], number: int) -> bool:
        most = next(limit.most for limit in self._limits[number] if limit.label == label)
        return len(self._buckets[label].busy) >= most

    def _tidy(self, label: tuple[str, str]) -> None:
        bucket = self._buckets.get(label)
        if bucket is not None and not bucket.busy and not bucket.waiting:
            del self._buckets[label]
