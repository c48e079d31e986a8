"""
The data path in threads of the daemon: for tests, and where processes are not wanted.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from archipelagod.datapath.handover import Handover
from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.datapath.serving import VolumeServer
from archipelagod.stores.store import Store
from archipelagod.volume.opening import open_volume
from archipelagod.volume.volume import Volume

RunInThread = Callable[..., Awaitable[Any]]


@implementer(IServing)
class InlineServing:
    """
    See IServing.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        volume: Volume,
        run_in_thread: RunInThread,
        changed: Callable[[], None],
    ) -> None:
        self.size_bytes = volume.size_bytes
        self.is_read_only = volume.is_read_only
        self.connections = 0
        self._reactor = reactor
        self._run_in_thread = run_in_thread
        self._changed = changed
        self._server = VolumeServer(volume, self._ended_in_thread)

    def serve(self, sock: socket.socket, handover: Handover) -> None:
        """See IServing."""
        self.connections += 1
        self._server.serve(sock, handover)

    def _ended_in_thread(self, served: int, now: int) -> None:
        self._reactor.callFromThread(self._ended)

    def _ended(self) -> None:
        self.connections -= 1
        self._changed()

    async def close(self) -> None:
        """See IServing."""
        await self._run_in_thread(self._server.close)


@implementer(IDatapath)
class InlineDatapath:
    """
    See IDatapath.
    """

    def __init__(
        self, reactor: IReactorFromThreads, store: Store, run_in_thread: RunInThread
    ) -> None:
        self._reactor = reactor
        self._store = store
        self._run_in_thread = run_in_thread

    async def open(self, name: str, session: int, changed: Callable[[], None]) -> InlineServing:
        """See IDatapath."""
        volume = await self._run_in_thread(open_volume, self._store, name, session)
        return InlineServing(self._reactor, volume, self._run_in_thread, changed)
