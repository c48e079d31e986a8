"""
What goes wrong with a volume, told to the operator.  Standard library only.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

MOST, WHILE_S = 10, 10.0


class Complaints:
    """
    At most MOST lines in WHILE_S seconds: a guest on a store that is full or broken may fail
    thousands of times a second, and each line is the daemon's work.  Any thread.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[str], object] = sys.stderr.write,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._write = write
        self._now_s = now_s
        self._lock = threading.Lock()
        self._began_s = -WHILE_S
        self._told = 0
        self._left_out = 0

    def tell(self, error: Exception) -> None:
        """
        Says what failed, or counts it.
        """
        with self._lock:
            now_s = self._now_s()
            if now_s - self._began_s >= WHILE_S:
                self._began_s, self._told = now_s, 0
            if self._told == MOST:
                self._left_out += 1
                return
            self._told += 1
            left_out, self._left_out = self._left_out, 0
        more = f" ({left_out} failures before were not told)" if left_out else ""
        self._write(f"{self._name}: {error}{more}\n")
