"""
The data path in threads of the daemon: for tests, and where processes are not wanted.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from archipelagod.datapath.handover import AnyHandover
from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.datapath.opening import open_patiently
from archipelagod.datapath.serving import VolumeServer
from archipelagod.stores.store import Store
from archipelagod.volume.freezing import NewMap
from archipelagod.volume.volume import Usage, Volume
from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.values import Limits

RunInThread = Callable[..., Awaitable[Any]]


@implementer(IServing)
class InlineServing:
    """
    See IServing.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        store: Store,
        volume: Volume,
        run_in_thread: RunInThread,
    ) -> None:
        self.is_read_only = volume.is_read_only and not volume.is_standby
        self.is_standby = volume.is_standby
        self._reactor = reactor
        self._run_in_thread = run_in_thread
        self._server = VolumeServer(store, volume, self._gone_in_thread)
        self._clients: dict[int, Callable[[], None]] = {}
        self._next_client = itertools.count(1)

    @property
    def size_bytes(self) -> int:
        """See IServing."""
        return self._server.volume.size_bytes

    @property
    def connections(self) -> int:
        """See IServing."""
        return len(self._clients)

    def serve(self, sock: socket.socket, handover: AnyHandover, gone: Callable[[], None]) -> None:
        """See IServing."""
        client = next(self._next_client)
        try:
            self._server.serve(sock, client, handover)
        except (OSError, RuntimeError, ValueError) as error:
            raise StorageUnavailable(f"{self._server.volume.name}: {error}") from error
        self._clients[client] = gone

    def _gone_in_thread(self, client: int) -> None:
        self._reactor.callFromThread(self._client_gone, client)

    def _client_gone(self, client: int) -> None:
        gone = self._clients.pop(client, None)
        if gone is not None:
            gone()

    async def snapshot(self, new: NewMap) -> None:
        """See IServing."""
        await self._run_in_thread(self._server.snapshot, new)

    async def resize(self, size_bytes: int) -> None:
        """See IServing."""
        await self._run_in_thread(self._server.volume.resize, size_bytes)

    async def mapping(self, offset: int, size: int) -> list[tuple[int, int, str]]:
        """See IServing."""
        found: list[tuple[int, int, str]]
        found = await self._run_in_thread(self._server.mapping, offset, size)
        return found

    async def own(self, offset: int, size: int) -> None:
        """See IServing."""
        await self._run_in_thread(self._server.volume.own, offset, size)

    async def usage(self) -> Usage:
        """See IServing."""
        usage: Usage = await self._run_in_thread(self._server.volume.usage)
        return usage

    async def set_limits(self, limits: Limits) -> None:
        """See IServing."""
        self._server.set_limits(limits)

    async def statistics(self) -> dict[str, Any]:
        """See IServing."""
        figures: dict[str, Any] = await self._run_in_thread(self._server.statistics)
        return figures

    async def close(self) -> None:
        """See IServing."""
        try:
            await self._run_in_thread(self._server.close)
        finally:
            for client in list(self._clients):
                self._client_gone(client)


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

    async def open(
        self, name: str, session: int, lost: Callable[[], None], may_stand_by: bool = False
    ) -> InlineServing:
        """See IDatapath."""
        volume = await self._run_in_thread(open_patiently, self._store, name, session, may_stand_by)
        return InlineServing(self._reactor, self._store, volume, self._run_in_thread)

    async def close(self) -> None:
        """See IDatapath."""
