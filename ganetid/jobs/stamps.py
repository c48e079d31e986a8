"""
Time stamps that never repeat and never go back.
"""

from __future__ import annotations

from collections.abc import Callable

from ganetid.jobs.model import Stamp


class Stamps:
    """
    A clock of microseconds, strictly increasing, also over a restart and a clock set back.

    seconds: the wall clock.
    """

    def __init__(self, seconds: Callable[[], float], last: Stamp = 0) -> None:
        self._seconds = seconds
        self._last = last

    @property
    def last(self) -> Stamp:
        """The newest stamp given out."""
        return self._last

    def restart_after(self, last: Stamp) -> None:
        """Never give out `last` or an earlier one."""
        self._last = max(self._last, last)

    def next(self) -> Stamp:
        """Now, or just after the last one given out."""
        self._last = max(self._last + 1, int(self._seconds() * 1_000_000))
        return self._last
