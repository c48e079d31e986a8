"""
How many requests of a connection are in work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from archipelagod.wire.frames import Frame
from archipelagod.wire.handling.table import cost_bytes
from archipelagod.wire.operations import WINDOW, WORK_BYTES


class Work:
    """
    Starts requests in the order in which they came, as many as the window and WORK_BYTES let.

    start: called with each; ``done`` is to be called when its reply is sent.
    """

    def __init__(self, start: Callable[[Frame], None]) -> None:
        self.window = WINDOW
        self.is_held = False  # nothing is started now
        self._start = start
        self._waiting: deque[Frame] = deque()
        self._in_work = 0
        self._bytes = 0
        self._is_advancing = False

    @property
    def is_full(self) -> bool:
        """
        Whether more requests could not be started.
        """
        is_full = self._in_work >= self.window or self._bytes >= WORK_BYTES
        return is_full or self.is_held or bool(self._waiting)

    @property
    def is_idle(self) -> bool:
        """
        Whether there is nothing to do.
        """
        return not self._waiting and not self._in_work

    def put(self, frame: Frame) -> None:
        """
        A request came; ``advance`` starts it.
        """
        self._waiting.append(frame)

    def advance(self) -> None:
        """
        Starts what may be started.
        """
        if self._is_advancing:
            return  # a request that was started here ended at once
        self._is_advancing = True
        try:
            while self._waiting and self._in_work < self.window and not self.is_held:
                cost = cost_bytes(self._waiting[0])
                if self._in_work and self._bytes + cost > WORK_BYTES:
                    return
                self._in_work += 1
                self._bytes += cost
                self._start(self._waiting.popleft())
        finally:
            self._is_advancing = False

    def done(self, frame: Frame) -> None:
        """
        The reply was sent.
        """
        self._in_work -= 1
        self._bytes -= cost_bytes(frame)

    def forget(self) -> None:
        """
        Nothing that waits will be started.
        """
        self._waiting.clear()
