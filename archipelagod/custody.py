"""
Which volumes are open, for whom: clients, the daemon itself, or whoever acquired them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.datapath.link import Link, linked
from archipelagod.threads import Threads
from archipelagod.use import Attachment, Owner, Use
from archipelagod.volume.sessions import Sessions
from archipelagod.wire.errors import NoSuchVolume, StorageError, StorageUnavailable, VolumeBusy
from archipelagod.wire.values import Limits

__all__ = ["Attachment", "Custody"]

T = TypeVar("T")
GRACE_S = 2.0  # how long clients that are about to go may keep others waiting
IDLE_S = 5.0  # after which the daemon closes what it opened for itself
LEASE_PATIENCE_S = 10.0  # for a worker of a killed daemon to end
LEASE_RETRY_S = 0.1


class Custody:
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
        self.grace_s = GRACE_S
        self._reactor = reactor
        self._sessions = sessions
        self._datapath = datapath
        self._run_in_thread = run_in_thread
        self._limits_of = limits_of
        self._uses: dict[str, Use] = {}

    def connections(self, name: str) -> int:
        """
        Open connections of a volume's clients.
        """
        use = self._uses.get(name)
        return use.connections if use is not None else 0

    def open_now(self) -> dict[str, IServing]:
        """
        The volumes that are open.
        """
        return {name: use.serving for name, use in self._uses.items() if use.serving is not None}

    async def attach(self, name: str, owner: Owner) -> Attachment:
        """
        A claim for a client of process ``owner``.

        Connections of one process may write a volume together; another process has to wait until
        they end, unless ``allow_handover`` was called.  Raises NoSuchVolume, VolumeBusy,
        StorageUnavailable.
        """

        async def attach(use: Use) -> Attachment:
            if not await use.until(lambda: use.may_join(owner), self.grace_s):
                raise VolumeBusy(f"{name}: open for another")
            if not use.is_read_only:
                await use.until(lambda: not use.calls, None)  # our own writes
            serving = await self._opened(name, use)
            return Attachment(use, serving, owner, lambda: self._end_soon(name, use))

        return await self._with_lock(name, attach)

    async def _opened(self, name: str, use: Use) -> IServing:
        if use.serving is None:
            session = await self._run_in_thread(self._sessions.fresh)
            limits = await self._limits_of(name)
            use.serving = await self._datapath.open(name, session, lambda: self._lost(name, use))
            if any(limits[:2]):
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
                await self._opened(name, found)

        self._in_background(self._with_lock(name, recover), name)

    def allow_handover(self, name: str) -> None:
        """
        One process more may use the volume while its clients are still there: for live migration.
        """
        use = self._uses.get(name)
        if use is not None and use.is_served:
            use.allows_handover = True
            use.tell()

    async def acquire(self, name: str) -> None:
        """
        The volume stays open here, whether or not it has clients, until ``release``.
        """

        async def acquire(use: Use) -> None:
            await self._opened(name, use)
            use.is_held = True

        await self._with_lock(name, acquire)

    async def release(self, name: str) -> None:
        """
        The volume closes when nobody uses it.
        """

        async def release(use: Use) -> None:
            use.is_held = False
            await self._end(name, use)

        await self._with_lock(name, release)

    async def exclusively(self, name: str, operation: Callable[[], Awaitable[T]]) -> T:
        """
        Does ``operation`` while the volume is not open.  Raises VolumeBusy.
        """

        async def alone(use: Use) -> T:
            if not await use.until(lambda: not use.is_busy, self.grace_s):
                raise VolumeBusy(f"{name}: open for a client")
            was_held, use.is_held = use.is_held, False
            await self._drop_link(use)
            await self._close_serving(name, use)
            try:
                return await self._patiently(operation)
            finally:
                if was_held:
                    self._in_background(self._hold_again(name), name)

        return await self._with_lock(name, alone)

    async def _hold_again(self, name: str) -> None:
        with contextlib.suppress(NoSuchVolume):  # removed or renamed
            await self.acquire(name)

    async def _patiently(self, operation: Callable[[], Awaitable[T]]) -> T:
        """
        Waits for a lease that another process may be about to let go.
        """
        deadline_s = self._reactor.seconds() + LEASE_PATIENCE_S
        while True:
            try:
                return await operation()
            except VolumeBusy:
                if self._reactor.seconds() > deadline_s:
                    raise
            await deferLater(self._reactor, LEASE_RETRY_S)

    async def while_open(
        self,
        name: str,
        operation: Callable[[IServing], Awaitable[T]],
        otherwise: Callable[[], Awaitable[T]],
    ) -> T:
        """
        Does ``operation``, with the clients there; ``otherwise`` if the volume is not open.
        """

        async def act(use: Use) -> T:
            if use.serving is None:
                return await self._patiently(otherwise)
            return await operation(use.serving)

        return await self._with_lock(name, act)

    async def while_borrowed(self, name: str, operation: Callable[[IServing], Awaitable[T]]) -> T:
        """
        Does ``operation``, which may take long, on the open volume, whose clients may come and go.
        """

        async def borrow(use: Use) -> tuple[Use, IServing]:
            serving = await self._opened(name, use)
            use.borrows += 1
            return use, serving

        use, serving = await self._with_lock(name, borrow)
        try:
            return await operation(serving)
        finally:
            use.borrows -= 1
            use.tell()
            self._end_soon(name, use)

    async def locally(
        self, name: str, operation: Callable[[Link], Awaitable[T]], *, is_change: bool = False
    ) -> T:
        """
        Does ``operation`` as one more client.  Raises VolumeBusy for a change when others are
        there.
        """
        known = self._uses.get(name)
        if known is None or known.lock.locked or known.link is None or not known.link.is_open:
            use, link = await self._with_lock(name, lambda found: self._begin_call(name, found))
        else:
            use, link = known, known.link
            use.calls += 1
        try:
            if is_change and use.is_served and not use.is_read_only:
                raise VolumeBusy(f"{name}: open for a client")
            return await operation(link)  # whoever closed it meanwhile has told it
        except StorageUnavailable:
            # A flush may have failed: only a new opening helps.
            self._in_background(self._with_lock(name, lambda found: self._renew(name, found)), name)
            raise
        finally:
            use.calls -= 1
            use.last_call_s = self._reactor.seconds()
            use.tell()

    async def _begin_call(self, name: str, use: Use) -> tuple[Use, Link]:
        if use.link is None or not use.link.is_open:
            serving = await self._opened(name, use)
            use.link = linked(self._reactor, serving, use.tell)
            if use.idle is None:
                use.idle = self._reactor.callLater(IDLE_S, self._close_if_idle, name, use)
        use.calls += 1
        return use, use.link

    async def _renew(self, name: str, use: Use) -> None:
        await self._drop_link(use)
        if not use.is_served:
            await self._close_serving(name, use)
        if use.is_held:
            await self._opened(name, use)

    def _close_if_idle(self, name: str, use: Use) -> None:
        left_s = use.last_call_s + IDLE_S - self._reactor.seconds()
        if use.calls or left_s > 0:
            again_s = max(left_s, 0.1)
            use.idle = self._reactor.callLater(again_s, self._close_if_idle, name, use)
        else:
            use.idle = None
            self._in_background(self._with_lock(name, lambda found: self._idle(name, found)), name)

    async def _idle(self, name: str, use: Use) -> None:
        await self._drop_link(use)
        await self._end(name, use)

    async def _drop_link(self, use: Use) -> None:
        await use.until(lambda: not use.calls, None)
        use.drop_link()

    def _end_soon(self, name: str, use: Use) -> None:
        """
        A client went: the last one closes the volume.
        """
        if use.serving is not None and not use.is_wanted:
            self._in_background(self._with_lock(name, lambda found: self._end(name, found)), name)

    async def _end(self, name: str, use: Use) -> None:
        if not use.is_wanted:
            await self._close_serving(name, use)

    async def _close_serving(self, name: str, use: Use) -> None:
        serving, use.serving = use.serving, None
        if serving is not None:
            try:
                await serving.close()
            except StorageError as error:
                self._log.error(
                    "{volume} was not closed well: {error}", volume=name, error=str(error)
                )

    async def _with_lock(self, name: str, operation: Callable[[Use], Awaitable[T]]) -> T:
        use = self._uses.setdefault(name, Use(self._reactor))
        await use.lock.acquire()
        try:
            return await operation(use)
        finally:
            is_idle = use.serving is None and not use.is_wanted and not use.lock.waiting
            if is_idle and self._uses.get(name) is use:
                del self._uses[name]
            use.lock.release()

    def _in_background(self, work: Any, name: str) -> None:
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
            await self._close_serving(name, use)
            use.lock.release()
        await self._datapath.close()
