"""
Numbers that are never given twice by one store.
"""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING

from archipelagod.stores.leases import LeaseHeld

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store

PATIENCE_S = 30.0
ROOM, NAME = "counters", "session"
RESERVE = 256  # numbers taken from the store at a time; the rest is lost at the end of the process


class Sessions:
    """
    Gives session numbers, 1 to 2**31 - 1.  Any thread; several daemons may share the store.
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
        lease = self._lease()
        try:
            self._take()
        finally:
            lease.release()

    def _lease(self) -> ILease:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._store.leases.acquire(NAME, b"")
            except LeaseHeld:
                if time.monotonic() > deadline:
                    raise OSError(errno.EBUSY, "another daemon holds the counter") from None
            time.sleep(0.005)

    def _take(self) -> None:
        try:
            first = int(self._store.records.get(ROOM, NAME))
        except FileNotFoundError:
            first = 1
        if first + RESERVE > 1 << 31:  # the highest bit of a slot says something else
            raise OSError(errno.EOVERFLOW, "session numbers are used up")
        self._store.records.put(ROOM, NAME, str(first + RESERVE).encode())
        self._next, self._end = first, first + RESERVE
