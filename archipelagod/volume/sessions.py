"""
Numbers that are never given twice by one store.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

ROOM, NAME = "counters", "session"
RESERVE = 256  # numbers taken from the store at a time; the rest is lost at the end of the process


class Sessions:
    """
    Gives session numbers, 1 to 2**32 - 1.  For one process; any thread.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next = self._end = 0

    def fresh(self) -> int:
        """
        A number that nobody had before.  Raises OSError.
        """
        with self._lock:
            if self._next == self._end:
                self._reserve()
            number = self._next
            self._next += 1
            return number

    def _reserve(self) -> None:
        try:
            first = int(self._store.records.get(ROOM, NAME))
        except FileNotFoundError:
            first = 1
        if first + RESERVE > 1 << 32:
            raise OSError(75, "session numbers are used up")
        self._store.records.put(ROOM, NAME, str(first + RESERVE).encode())
        self._next, self._end = first, first + RESERVE
