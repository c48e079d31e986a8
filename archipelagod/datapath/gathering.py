"""
Statistics of the volumes of a worker, in few messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from archipelagod.wire.errors import StorageError, StorageUnavailable

TOGETHER = 48  # volumes of one message; each takes 4 KiB of it at most

Figures = dict[str, Any]


class Gathering:
    """
    What is asked for in one turn of the reactor is asked of the worker together.

    ask: for the figures of volumes by number; None for one that is closed.  Raises StorageError.
    """

    def __init__(
        self, reactor: Any, ask: Callable[[list[int]], Awaitable[list[Figures | None]]]
    ) -> None:
        self._reactor = reactor
        self._ask = ask
        self._wanted: dict[int, list[Deferred[Figures]]] = {}

    async def statistics(self, number: int) -> Figures:
        """
        Those of a volume.  Raises StorageError.
        """
        if not self._wanted:
            self._reactor.callLater(0, self._start)
        answered: Deferred[Figures] = Deferred()
        self._wanted.setdefault(number, []).append(answered)
        return await answered

    def _start(self) -> None:
        wanted, self._wanted = self._wanted, {}
        Deferred.fromCoroutine(self._gather(wanted))  # which does not fail

    async def _gather(self, wanted: dict[int, list[Deferred[Figures]]]) -> None:
        numbers = list(wanted)
        for start in range(0, len(numbers), TOGETHER):
            page = numbers[start : start + TOGETHER]
            error: StorageError = StorageUnavailable("it was closed meanwhile")
            found: list[Figures | None] = [None] * len(page)
            try:
                found = await self._ask(page)
            except StorageError as failed:
                error = failed
            for number, figures in zip(page, found, strict=True):
                for answered in wanted[number]:
                    if figures is None:
                        answered.errback(error)
                    else:
                        answered.callback(figures)
