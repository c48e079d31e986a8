"""
A job that is done again and again, one time after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall


class Rounds:
    """
    once: one round; it raises nothing.
    """

    def __init__(self, reactor: Any, once: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._once = once
        self._round: Deferred[None] | None = None
        self._loop = LoopingCall(self._begin)
        self._loop.clock = reactor

    @property
    def running(self) -> bool:
        """
        Whether more rounds come.
        """
        return self._loop.running

    def start(self, every_s: float) -> None:
        """
        The first begins at once.
        """
        self._loop.start(every_s)

    async def stop(self) -> None:
        """
        Returns once no round is under way; none comes any more.
        """
        if self._loop.running:
            self._loop.stop()
        if self._round is not None:
            await self._round

    def _begin(self) -> Deferred[None]:
        self._round = Deferred.fromCoroutine(self._once())
        return self._round
