"""
Numbers that are never given twice by one store, and grow: what is given is larger than all that was
given before, by whatever daemon.  A map tells by them which objects are its own.
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
RESERVE = 256  # numbers taken from the store at a time at most; the rest is lost at the end of the
# process, or when another daemon takes some: who is left behind takes fewer the next time


class Sessions:
    """
    Gives session numbers, 1 to 2**31 - 1.  Any thread; several daemons may share the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next = self._end = 0
        self._size = RESERVE // 2

    def fresh(self) -> int:
        """
        A number that nobody had before, larger than all that anybody had.  Raises OSError.
        """
        with self._lock:
            if self._next == self._end:
                self._size = min(self._size * 2, RESERVE)
                self._reserve()
            elif self._taken() != self._end:
                self._size = max(self._size // 2, 1)
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

    def _taken(self) -> int:
        """
        The first number that nobody has taken.
        """
        try:
            return int(self._store.records.get(ROOM, NAME))
        except FileNotFoundError:
            return 1

    def _take(self) -> None:
        first = self._taken()
        if first + self._size > 1 << 31:  # the highest bit of a slot says something else
            raise OSError(errno.EOVERFLOW, "session numbers are used up")
        self._store.records.put(ROOM, NAME, str(first + self._size).encode())
        self._next, self._end = first, first + self._size
