"""
Requests that don't wait for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred

from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.frames import Frame
from archipelagod.wire.link import BlockLink, Progress

Linked = Callable[[], Awaitable[BlockLink]]


class Asking:
    """
    timeout_s: how long one request may take, connecting included; for long operations, how long
    the daemon may be silent.
    """

    def __init__(self, reactor: Any, timeout_s: float) -> None:
        self._reactor = reactor
        self._timeout_s = timeout_s

    async def ask(self, linked: Linked, frame: Frame) -> Frame:
        """
        The reply.  Raises StorageError; StorageUnavailable when none comes.
        """

        async def exchange() -> Frame:
            return await (await linked()).ask(frame)

        try:
            return await Deferred.fromCoroutine(exchange()).addTimeout(
                self._timeout_s, self._reactor
            )
        except defer.TimeoutError:
            raise self._no_answer() from None

    def _no_answer(self) -> StorageUnavailable:
        return StorageUnavailable(f"no answer in {self._timeout_s} seconds")

    async def ask_long(self, linked: Linked, frame: Frame, progress: Progress | None) -> Frame:
        """
        The same for an operation that tells how far it is.
        """

        async def exchange() -> Frame:
            return await (await linked()).ask(frame, news)

        def news(done: int, total: int) -> None:
            watch.reset(self._timeout_s)
            if progress is not None:
                progress(done, total)

        is_late = False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            asked.cancel()

        watch = self._reactor.callLater(self._timeout_s, give_up)
        asked = Deferred.fromCoroutine(exchange())
        try:
            return await asked
        except defer.CancelledError:
            if is_late:
                raise self._no_answer() from None
            raise
        finally:
            if watch.active():
                watch.cancel()
