"""
Events for who follows them: read from the journal by id, so that nobody who is slow costs memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate

from ganetid.jobs.journal import Journal, Waiting


class EventFeed:
    """
    The last events, and waiting for more.

    Ids ascend, also over a restart; there may be gaps.
    """

    def __init__(self, reactor: Any, journal: Journal) -> None:
        self._reactor = reactor
        self._journal = journal
        self._waiting: list[Deferred[None]] = []

    def wake(self) -> None:
        """There may be new events."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    async def after(self, last_id: int, limit: int) -> list[Waiting]:
        """Events after that one, the oldest first."""
        return await self._journal.told(last_id, limit)

    async def range(self) -> tuple[int, int]:
        """(oldest, newest) id that is kept; (1, 0): none."""
        return await self._journal.told_range()

    async def more(self, timeout_s: float) -> bool:
        """Wait until there may be new events; False after the timeout."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        waiting.addTimeout(timeout_s, self._reactor)
        try:
            await waiting
        except (CancelledError, TooLate):
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            return False
        return True


Told = Callable[[], None]


def all_of(*listeners: Told) -> Told:
    """Tells each of them."""

    def tell() -> None:
        for listener in listeners:
            listener()

    return tell
