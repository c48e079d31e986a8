"""
The volumes that this daemon has open: opening them, and closing them when nobody wants them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.threads import Threads
from archipelagod.use import Use
from archipelagod.volume.sessions import Sessions
from archipelagod.wire.errors import StorageError, VolumeBusy
from archipelagod.wire.values import Limits

T = TypeVar("T")


class Uses:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds.

    limits_of: the limits of a volume that is being opened.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        sessions: Sessions,
        datapath: IDatapath,
        run_in_thread: Threads,
        limits_of: Callable[[str], Awaitable[Limits]],
    ) -> None:
        self.reactor = reactor
        self._sessions = sessions
        self._datapath = datapath
        self._run_in_thread = run_in_thread
        self._limits_of = limits_of
        self._uses: dict[str, Use] = {}

    def get(self, name: str) -> Use | None:
        """
        What is known of a volume; None if it is not in use.
        """
        return self._uses.get(name)

    def open_now(self) -> dict[str, IServing]:
        """
        The volumes that are open.
        """
        return {name: use.serving for name, use in self._uses.items() if use.serving is not None}

    async def with_lock(self, name: str, operation: Callable[[Use], Awaitable[T]]) -> T:
        """
        Does ``operation``, which may open or close the volume.
        """
        use = self._uses.setdefault(name, Use(self.reactor))
        await use.lock.acquire()
        try:
            return await operation(use)
        finally:
            is_idle = use.serving is None and not use.is_wanted and not use.lock.waiting
            if is_idle and self._uses.get(name) is use:
                del self._uses[name]
            if use.lock.waiting:
                self.reactor.callLater(0, use.lock.release)  # many would go on within one another
            else:
                use.lock.release()

    async def opened(self, name: str, use: Use) -> IServing:
        """
        The open volume, which is ours.  The lock is held.
        """
        serving = await self.open_or_standing_by(name, use, may_stand_by=False)
        if serving.is_standby:
            raise VolumeBusy(f"{name}: another daemon has yet to hand it over")
        return serving

    async def open_or_standing_by(self, name: str, use: Use, *, may_stand_by: bool) -> IServing:
        """
        The open volume; see IDatapath.  The lock is held.
        """
        if use.serving is None:
            session = await self._run_in_thread(self._sessions.fresh)
            limits = await self._limits_of(name)
            use.serving = await self._datapath.open(
                name, session, lambda: self._lost(name, use), may_stand_by
            )
            if limits.iops or limits.bytes_per_second:
                await use.serving.set_limits(limits)
        return use.serving

    def _lost(self, name: str, use: Use) -> None:
        """
        Its worker died.
        """
        use.serving = None
        use.tell()

        async def recover(found: Use) -> None:
            if found.is_held:
                await self.opened(name, found)

        self.in_background(name, self.with_lock(name, recover))

    def end_soon(self, name: str, use: Use) -> None:
        """
        Someone went: the last one closes the volume.
        """
        if use.serving is not None and not use.is_wanted:
            self.in_background(name, self.with_lock(name, lambda found: self.end(name, found)))

    async def end(self, name: str, use: Use) -> None:
        """
        Closes the volume if nobody wants it.  The lock is held.
        """
        if not use.is_wanted:
            await self.close_serving(name, use)

    async def close_serving(self, name: str, use: Use) -> None:
        """
        Closes the volume; a failure is logged.  The lock is held.
        """
        serving, use.serving = use.serving, None
        if serving is not None:
            try:
                await serving.close()
            except StorageError as error:
                self._log.error(
                    "{volume} was not closed well: {error}", volume=name, error=str(error)
                )

    def in_background(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """
        Nobody waits for it; a failure is logged.
        """
        Deferred.fromCoroutine(work).addErrback(
            lambda failure: self._log.failure(
                "{volume} could not be opened or closed", failure=failure, volume=name
            )
        )

    async def close(self) -> None:
        """
        Ends all clients and closes every volume; failures are logged.
        """
        for name, use in list(self._uses.items()):
            await use.lock.acquire()
            use.is_held = False
            use.drop_link()
            await self.close_serving(name, use)
            use.lock.release()
        await self._datapath.close()
