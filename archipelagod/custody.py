"""
Who has each volume open: NBD clients, the daemon itself for the block protocol, or nobody.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from archipelagod.datapath.handover import Handover
from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.stores.store import Store
from archipelagod.threads import Threads
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError, VolumeBusy

T = TypeVar("T")
GRACE_S = 2.0  # how long clients that are about to go may keep others waiting
IDLE_S = 5.0  # after which the daemon closes what it opened for the block protocol


class _Use:
    """
    What is known of a volume in use.  ``lock`` is held while that changes.
    """

    def __init__(self) -> None:
        self.lock = DeferredLock()
        self.serving: IServing | None = None
        self.owner: int | None = None  # the process whose connections are served
        self.pending = 0  # clients that are not handed over yet
        self.local: Volume | None = None
        self.calls = 0  # that use ``local`` now
        self.last_call_s = 0.0
        self.idle: IDelayedCall | None = None  # looks whether ``local`` is still wanted
        self.waiting: list[Deferred[None]] = []  # for any of these to change

    @property
    def is_served(self) -> bool:
        """
        Whether there are clients.
        """
        return self.serving is not None and bool(self.serving.connections or self.pending)

    def tell(self) -> None:
        """
        Something changed.
        """
        waiting, self.waiting = self.waiting, []
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(None)


class Attachment:
    """
    A client's claim on an open volume, until ``serve`` or ``cancel``.
    """

    def __init__(self, serving: IServing, release: Callable[[], None]) -> None:
        self.size_bytes = serving.size_bytes
        self.is_read_only = serving.is_read_only
        self._serving = serving
        self._release = release

    def serve(self, sock: socket.socket, handover: Handover) -> None:
        """
        Hands the client over; ``sock`` is not ours any more.  Raises StorageUnavailable.
        """
        try:
            self._serving.serve(sock, handover)
        finally:
            self._release()

    def cancel(self) -> None:
        """
        The client went away.
        """
        self._release()


class Custody:
    """
    For the reactor's thread.  Methods raise StorageError and its kinds.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Store,
        sessions: Sessions,
        datapath: IDatapath,
        run_in_thread: Threads,
    ) -> None:
        self.grace_s = GRACE_S
        self._reactor = reactor
        self._store = store
        self._sessions = sessions
        self._datapath = datapath
        self._run_in_thread = run_in_thread
        self._uses: dict[str, _Use] = {}

    def connections(self, name: str) -> int:
        """
        Open NBD connections of a volume.
        """
        use = self._uses.get(name)
        return use.serving.connections if use is not None and use.serving is not None else 0

    async def attach(self, name: str, owner: int | None) -> Attachment:
        """
        A claim for an NBD client of process ``owner``; ends with ``Attachment.serve``.

        Connections of one process may write a volume together; another process has to wait until
        they end.  Raises NoSuchVolume, VolumeBusy, StorageUnavailable.
        """
        return await self._with_lock(name, lambda use: self._attach(name, use, owner))

    async def _attach(self, name: str, use: _Use, owner: int | None) -> Attachment:
        await self._close_local(use)
        if use.is_served and use.owner != owner and not self._is_shared(use):
            await self._wait_for_clients(name, use)
        if use.serving is not None and not use.is_served:
            await self._close_serving(name, use)
        if use.serving is None:
            session = await self._run_in_thread(self._sessions.fresh)
            use.serving = await self._datapath.open(name, session, lambda: self._changed(name, use))
        use.owner = owner
        use.pending += 1

        def release() -> None:
            use.pending -= 1
            self._changed(name, use)

        return Attachment(use.serving, release)

    def _is_shared(self, use: _Use) -> bool:
        return use.serving is not None and use.serving.is_read_only

    async def exclusively(self, name: str, operation: Callable[[], Awaitable[T]]) -> T:
        """
        Does ``operation`` while nobody has the volume open.  Raises VolumeBusy.
        """

        async def alone(use: _Use) -> T:
            if use.is_served:
                await self._wait_for_clients(name, use)
            await self._close_serving(name, use)
            await self._close_local(use)
            return await operation()

        return await self._with_lock(name, alone)

    async def locally(self, name: str, operation: Callable[[Volume], T]) -> T:
        """
        Does ``operation`` in a thread, on the volume as the daemon itself has it open.

        Raises VolumeBusy when NBD clients may be writing it.
        """
        use = self._uses.get(name)
        if use is None or use.local is None or use.lock.locked:
            use = await self._with_lock(name, lambda found: self._open_local(name, found))
        else:
            use.calls += 1
        assert use.local is not None
        try:
            return await self._run_in_thread(operation, use.local)
        finally:
            use.calls -= 1
            use.last_call_s = self._reactor.seconds()
            use.tell()
            if use.local is not None and use.local.has_failed and not use.calls:
                self._in_background(self._with_lock(name, self._close_local), name)

    async def _open_local(self, name: str, use: _Use) -> _Use:
        if use.is_served and not self._is_shared(use):
            raise VolumeBusy(f"{name}: open over NBD")
        if not self._is_shared(use):
            await self._close_serving(name, use)
        if use.local is None:
            session = await self._run_in_thread(self._sessions.fresh)
            use.local = await self._run_in_thread(open_volume, self._store, name, session)
            use.idle = self._reactor.callLater(IDLE_S, self._close_if_idle, name, use)
        use.calls += 1
        return use

    def _close_if_idle(self, name: str, use: _Use) -> None:
        left_s = use.last_call_s + IDLE_S - self._reactor.seconds()
        if use.calls or left_s > 0:
            use.idle = self._reactor.callLater(max(left_s, 0.1), self._close_if_idle, name, use)
        else:
            self._in_background(self._with_lock(name, self._close_local), name)

    def _changed(self, name: str, use: _Use) -> None:
        """
        Clients went: the last one closes the volume.
        """
        use.tell()
        if use.serving is not None and not use.is_served:
            self._in_background(self._with_lock(name, lambda found: self._end(name, found)), name)

    async def _end(self, name: str, use: _Use) -> None:
        if not use.is_served:
            await self._close_serving(name, use)

    async def _close_serving(self, name: str, use: _Use) -> None:
        serving, use.serving = use.serving, None
        if serving is not None:
            try:
                await serving.close()
            except StorageError as error:
                self._log.error(
                    "{volume} was not closed well: {error}", volume=name, error=str(error)
                )

    async def _close_local(self, use: _Use) -> None:
        while use.calls:
            await self._change_of(use, None)
        volume, use.local = use.local, None
        if use.idle is not None and use.idle.active():
            use.idle.cancel()
        if volume is not None:
            await self._run_in_thread(volume.close)

    async def _wait_for_clients(self, name: str, use: _Use) -> None:
        deadline_s = self._reactor.seconds() + self.grace_s
        while use.is_served:
            left_s = deadline_s - self._reactor.seconds()
            if left_s <= 0:
                raise VolumeBusy(f"{name}: open over NBD")
            await self._change_of(use, left_s)

    async def _change_of(self, use: _Use, timeout_s: float | None) -> None:
        changed: Deferred[None] = Deferred()
        use.waiting.append(changed)
        if timeout_s is not None:
            changed.addTimeout(timeout_s, self._reactor)
        try:
            await changed
        except defer.TimeoutError:
            return

    async def _with_lock(self, name: str, operation: Callable[[_Use], Awaitable[T]]) -> T:
        use = self._uses.setdefault(name, _Use())
        await use.lock.acquire()
        try:
            return await operation(use)
        finally:
            is_idle = use.serving is None and use.local is None and not use.lock.waiting
            if is_idle and self._uses.get(name) is use:
                del self._uses[name]
            use.lock.release()

    def _in_background(self, work: Any, name: str) -> None:
        Deferred.fromCoroutine(work).addErrback(
            lambda failure: self._log.failure(
                "{volume} could not be closed", failure=failure, volume=name
            )
        )

    async def close(self) -> None:
        """
        Ends all clients and closes every volume; failures are logged.
        """
        for name, use in list(self._uses.items()):
            await use.lock.acquire()
            try:
                await self._close_serving(name, use)
                await self._close_local(use)
            except StorageError as error:
                self._log.error("{volume}: {error}", volume=name, error=str(error))
            finally:
                use.lock.release()
