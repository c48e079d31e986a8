"""
A few coroutines under way at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

P = ParamSpec("P")
T = TypeVar("T")

# Runs a blocking callable in a thread: twisted.internet.threads.deferToThread, or at once in tests.
InThread = Callable[..., Awaitable[Any]]


class Flight:
    """
    At most `limit` coroutines at a time.  The first failure is kept, and raised by the next
    `launch` or `land`; whoever got it must `settle` before taking apart what the others work on.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._flying = 0
        self._failure: BaseException | None = None
        self._waiter: Deferred[None] | None = None

    async def launch(
        self, start: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """
        Start a coroutine once there is room.
        """
        await self._until(self._limit - 1)
        self._raise()
        self._flying += 1
        Deferred.fromCoroutine(start(*args, **kwargs)).addBoth(self._landed)

    async def land(self) -> None:
        """
        Wait for all of them.
        """
        await self._until(0)
        self._raise()

    async def settle(self) -> None:
        """
        Wait for all of them, whatever becomes of them.
        """
        await self._until(0)

    async def _until(self, flying: int) -> None:
        while self._flying > flying:
            self._waiter = Deferred()
            await self._waiter

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _landed(self, result: object) -> None:
        self._flying -= 1
        if isinstance(result, Failure) and self._failure is None:
            self._failure = result.value
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)
