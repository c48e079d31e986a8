"""
A blocking client as an asynchronous one, so that it can be put to the same tests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThread

from archipelagod.client.volume import BlockingVolume


class Threaded:
    """
    Every method runs in a thread, one at a time.
    """

    def __init__(self, blocking: Any) -> None:
        self._blocking = blocking
        self._lock = DeferredLock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blocking, name)
        if not callable(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            result = await self._lock.run(deferToThread, found, *arguments, **named)
            return Threaded(result) if isinstance(result, BlockingVolume) else result

        return call

    def soon(self, function: Any, *arguments: Any) -> Deferred[Any]:
        """Something with the blocking client itself."""
        return self._lock.run(deferToThread, function, self._blocking, *arguments)
