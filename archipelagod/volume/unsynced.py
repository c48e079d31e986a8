"""
What was written to an open volume and is not on stable storage in its objects.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

REMEMBERED = 4096  # writes between two flushes
AHEAD_BYTES = 8 << 20  # of flushes, after which the medium begins with the objects
LOGGED_BYTES = 1 << 20  # of one flush; to sync the objects costs less than to write more twice

Range = tuple[int, int, int]  # object, offset in it, size; bytes


class Unsynced:
    """
    Any thread may tell of writes; one at a time takes them.

    A write is told after it was done and before it is acknowledged, so whoever takes what there is
    knows of everything that was acknowledged.
    """

    def __init__(self) -> None:
        self._recent: deque[Range] = deque()  # appending and popping are atomic
        self._touched: set[int] = set()  # objects of which no more is known
        self.logged: set[int] = set()  # objects of which a journal has content
        self.unwritten_bytes = 0  # of such content, since ``take_unwritten``
        self._unwritten: set[int] = set()

    def written(self, oid: int, inner: int, size: int) -> None:
        """
        A range of an object was written.
        """
        if len(self._recent) < REMEMBERED:
            self._recent.append((oid, inner, size))
        else:
            self._touched.add(oid)

    def touched(self, oid: int) -> None:
        """
        Something in an object changed.
        """
        self._touched.add(oid)

    def has_logged(self, oids: Iterable[int], size: int) -> None:
        """
        The journal has so many bytes more, of these objects.
        """
        self.logged.update(oids)
        self._unwritten.update(oids)
        self.unwritten_bytes += size

    def take_logged(self) -> set[int]:
        """
        Objects of which the journal has content; what it gets from here on is in another log.
        """
        logged, self.logged = self.logged, set()
        return logged

    def has_synced(self) -> None:
        """
        No content in the journal is needed any longer.
        """
        self.logged.clear()
        self.take_unwritten()

    def take_unwritten(self) -> set[int]:
        """
        Objects whose content the journal got since the last call.
        """
        unwritten, self._unwritten = self._unwritten, set()
        self.unwritten_bytes = 0
        return unwritten

    def count(self) -> int:
        """
        Objects that are not synced, about.
        """
        return len({oid for oid, _, _ in list(self._recent)} | self._touched | self.logged)

    def take(self) -> tuple[list[Range], set[int]]:
        """
        What was told since the last call: ranges, and objects of which no more is known.
        """
        ranges = [self._recent.popleft() for _ in range(len(self._recent))]
        touched = self._touched.copy()  # atomic
        self._touched.difference_update(touched)
        return ranges, touched


def merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """
    The same bytes, each once.
    """
    last: Range | None = None
    for oid, inner, size in sorted(ranges):
        if last is not None and oid == last[0] and inner <= last[1] + last[2]:
            last = (oid, last[1], max(last[2], inner + size - last[1]))
            continue
        if last is not None:
            yield last
        last = (oid, inner, size)
    if last is not None:
        yield last
