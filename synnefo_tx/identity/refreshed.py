"""
Something read from the database at most every so often, by one question for all who wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Refreshed(Generic[T]):
    """
    `await get()` is a value no older than refresh_s, seconds.

    ask: the value, given the one before (None at first).  A failure of it fails all who wait.
    """

    def __init__(
        self,
        ask: Callable[[T | None], Awaitable[T]],
        clock: Callable[[], float],
        refresh_s: float,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._refresh_s = refresh_s
        self._value: T | None = None
        self._asked_at: float | None = None
        self._asking = False
        self._changes = 0
        self._waiters: list[Deferred[None]] = []

    async def get(self) -> T:
        """
        The value, asked for now if it is too old.
        """
        now, value = self._clock(), self._value
        if value is not None and self.fresh:
            return value
        if self._asking:
            waiter: Deferred[None] = Deferred()
            self._waiters.append(waiter)
            await waiter
        else:
            await self._refresh(now)
        assert self._value is not None
        return self._value

    def age_s(self) -> float:
        """
        Seconds since the value was asked for; -1 when it is to be asked for anew.
        """
        return -1.0 if self._asked_at is None else self._clock() - self._asked_at

    @property
    def fresh(self) -> bool:
        """
        Whether `get` would give at once what is known.
        """
        seen = self._asked_at
        return seen is not None and 0 <= self._clock() - seen < self._refresh_s

    def look_again(self) -> None:
        """
        What is known is old: this worker has changed it.
        """
        self._asked_at = None
        self._changes += 1

    def stop(self) -> Deferred[None]:
        """
        Fires when no question is open any more.
        """
        stopped: Deferred[None] = Deferred()
        if self._asking:
            self._waiters.append(stopped)
            stopped.addErrback(lambda _: None)  # the call that asked has the failure
        else:
            stopped.callback(None)
        return stopped

    async def _refresh(self, now: float) -> None:
        self._asking = True
        try:
            changes = -1
            while changes != self._changes:  # what came while we asked may not be in the answer
                changes = self._changes
                self._value = await self._ask(self._value)
            self._asked_at = now
        except Exception:
            self._release(Failure())
            raise
        self._release(None)

    def _release(self, failure: Failure | None) -> None:
        self._asking = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if failure is None:
                waiter.callback(None)
            else:
                waiter.errback(failure)
