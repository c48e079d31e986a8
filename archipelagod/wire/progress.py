"""
How far a long operation is, told to its client now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TELL_S = 1.0


class Teller:
    """
    Called in any thread with done and total; ``tell`` is called with the latest in the reactor's
    thread every TELL_S seconds until ``stop``, also when there is nothing new: it shows that the
    daemon is there.
    """

    def __init__(self, reactor: Any, tell: Callable[[int, int], None]) -> None:
        self._reactor = reactor
        self._tell = tell
        self._news = (0, 0)
        self._next = reactor.callLater(TELL_S, self._now)

    def __call__(self, done: int, total: int) -> None:
        """See Progress."""
        self._news = (done, total)

    def _now(self) -> None:
        self._tell(*self._news)
        self._next = self._reactor.callLater(TELL_S, self._now)

    def stop(self) -> None:
        """
        The operation ended.
        """
        self._next.cancel()
