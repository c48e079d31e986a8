"""
The daemon's own use of open volumes, for those who read and write without a connection of their
own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from archipelagod.datapath.link import Link, linked
from archipelagod.use import Use
from archipelagod.uses import Uses
from archipelagod.wire.errors import StorageUnavailable, VolumeBusy

T = TypeVar("T")
IDLE_S = 5.0  # after which the daemon uses a volume no longer


class OwnCalls:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds.
    """

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._reactor = uses.reactor

    async def call(
        self, name: str, operation: Callable[[Link], Awaitable[T]], *, is_change: bool = False
    ) -> T:
        """
        Does ``operation`` as one more client.  Raises VolumeBusy for a change when others are
        there.
        """
        use, link = await self._linked(name)
        try:
            if is_change and use.is_served and not use.is_read_only:
                raise VolumeBusy(f"{name}: open for a client")
            return await operation(link)  # whoever closed it meanwhile has told it
        except StorageUnavailable:
            # A flush may have failed: only a new opening helps.
            self._in_background(name, self._renew)
            raise
        finally:
            use.calls -= 1
            use.last_call_s = self._reactor.seconds()
            use.tell()

    async def _linked(self, name: str) -> tuple[Use, Link]:
        """
        The volume's link, for one call more.
        """
        use = self._uses.get(name)
        link = None if use is None else use.link
        if use is None or use.lock.locked or link is None or not link.is_open:
            return await self._uses.with_lock(name, lambda found: self._begin(name, found))
        use.calls += 1
        return use, link

    async def _begin(self, name: str, use: Use) -> tuple[Use, Link]:
        if use.link is None or not use.link.is_open:
            serving = await self._uses.opened(name, use)
            use.link = linked(self._reactor, serving, use.tell)
            if use.idle is None:
                use.idle = self._reactor.callLater(IDLE_S, self._look, name, use)
        use.calls += 1
        return use, use.link

    def _look(self, name: str, use: Use) -> None:
        left_s = use.last_call_s + IDLE_S - self._reactor.seconds()
        if use.calls or left_s > 0:
            use.idle = self._reactor.callLater(max(left_s, 0.1), self._look, name, use)
        else:
            use.idle = None
            self._in_background(name, self._end)

    def _in_background(self, name: str, what: Callable[[str, Use], Awaitable[None]]) -> None:
        self._uses.in_background(name, self._uses.with_lock(name, lambda use: what(name, use)))

    async def _end(self, name: str, use: Use) -> None:
        await self.drop(use)
        await self._uses.end(name, use)

    async def _renew(self, name: str, use: Use) -> None:
        await self.drop(use)
        if not use.is_busy:
            await self._uses.close_serving(name, use)
        if use.is_held:
            await self._uses.opened(name, use)

    async def drop(self, use: Use) -> None:
        """
        Uses the volume no longer, once the calls in work are done.  The lock is held.
        """
        await use.until(lambda: not use.calls, None)
        use.drop_link()
