"""
Things that happen, and those who wait for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ganetid.hypervisor.qmp import Event


class Signal:
    """Something that happens, any number of times, and that any number of others wait for."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: list[Deferred[None]] = []

    def happen(self) -> None:
        """It happened."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    async def within(self, seconds: float) -> bool:
        """Whether it happens within so many seconds from now."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        call = self._reactor.callLater(seconds, waiting.errback, TimeoutError())
        try:
            await waiting
        except TimeoutError:
            self._waiting.remove(waiting)
            return False
        call.cancel()
        return True


class Expected:
    """
    An event that is waited for from now on, so that none between asking and waiting is missed.

    `let_go` when it is not wanted any more.
    """

    def __init__(
        self, reactor: Any, matches: Callable[[Event], bool], among: set[Expected]
    ) -> None:
        self._signal = Signal(reactor)
        self._matches = matches
        self._among = among
        self.event: Event | None = None
        among.add(self)

    def see(self, event: Event) -> None:
        """An event came."""
        if self.event is None and self._matches(event):
            self.event = event
            self._signal.happen()

    def give_up(self) -> None:
        """No more events will come."""
        self._signal.happen()

    async def within(self, seconds: float) -> Event | None:
        """The event, if it has come or comes within the time."""
        if self.event is None:
            await self._signal.within(seconds)
        return self.event

    def let_go(self) -> None:
        """It is not waited for any more."""
        self._among.discard(self)
