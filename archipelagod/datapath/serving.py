"""
A volume and the clients that use it: one thread for each, and one that flushes.  Standard library
only: this runs in the worker process, or in the daemon itself.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from archipelagod.datapath.block_requests import BlockRequests
from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.connection import Connection, Requests
from archipelagod.datapath.counts import Tally
from archipelagod.datapath.exchange import Exchange, Shared
from archipelagod.datapath.fast import FastLoop, direct_table
from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.handover import AnyHandover, Handover
from archipelagod.datapath.limits import Limiter
from archipelagod.datapath.nbd_requests import NbdRequests
from archipelagod.stores.store import Store
from archipelagod.volume.freezing import NewMap, snapshot
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError
from archipelagod.wire.values import Limits

MAX_EXTENTS = 4000  # at a time: they have to fit a message
PATIENCE_S = 5.0  # for clients to read their last replies
SENT_AHEAD_BYTES = 256 << 10  # to a client that does not read at once; the kernel doubles it


class VolumeServer:
    """
    Serves an open volume until ``close``.

    gone: called in any thread with the number of a client that is gone.
    """

    def __init__(self, store: Store, volume: Volume, gone: Callable[[int], None]) -> None:
        self.volume = volume
        self._store = store
        self._gone = gone
        tally = Tally()
        self._table = direct_table(store, volume)
        complaints = Complaints(volume.name)
        flusher = Flusher(volume, tally, complaints, self._table)
        self._shared = Shared(volume, flusher, Limiter(), tally, complaints)
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._preparing = threading.Thread(target=self._prepare, daemon=True)
        self._preparing.start()

    def _prepare(self) -> None:
        """
        Makes what the first write needs, so that it need not wait for two syncs.
        """
        if not self.volume.is_read_only:
            with contextlib.suppress(StorageError, OSError):  # the first write tries again
                self.volume.map.make_ready()

    def serve(self, sock: socket.socket, client: int, handover: AnyHandover) -> None:
        """
        Serves one more client, in a thread of its own; ``sock`` is ours from here on.
        """
        try:
            connection = self._connection(sock, handover)
            self._start(connection, client, handover.farewell)
        except (OSError, RuntimeError, ValueError):  # too many threads, too much sent ahead
            sock.close()
            self._gone(client)
            raise

    def _start(self, connection: Connection, client: int, farewell: bytes) -> None:
        thread = threading.Thread(
            target=self._run, args=(connection, client, farewell), name="connection", daemon=True
        )
        with self._lock:
            self._open[connection] = thread
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                del self._open[connection]
            connection.close()
            raise

    def _connection(self, sock: socket.socket, handover: AnyHandover) -> Connection:
        sock.setblocking(True)
        with contextlib.suppress(OSError):
            _tune(sock)
        exchange = Exchange(sock, handover.leftover, self._shared)
        requests: Requests
        if isinstance(handover, Handover):
            requests = NbdRequests(exchange, handover)
        else:
            requests = BlockRequests(exchange)
        if self._table is None:
            return Connection(sock, exchange, requests)
        fast = FastLoop(sock, exchange, self._table, handover)
        return Connection(sock, exchange, requests, fast)

    def _run(self, connection: Connection, client: int, farewell: bytes) -> None:
        try:
            connection.run(farewell)
        finally:
            with self._lock:
                del self._open[connection]
            self._gone(client)

    def snapshot(self, new: NewMap) -> None:
        """
        See freezing.snapshot.
        """
        snapshot(self._store, self.volume, new)

    def mapping(self, offset: int, size: int) -> list[tuple[int, int, str]]:
        """
        See Volume.mapping; what is behind the first MAX_EXTENTS is left out.
        """
        return list(itertools.islice(self.volume.mapping(offset, size), MAX_EXTENTS))

    def set_limits(self, limits: Limits) -> None:
        """
        Limits all clients together, from now on.
        """
        limiter = self._shared.limiter
        limiter.set(limits)
        if self._table is not None:
            self._table.bypass(limiter.is_set)

    def statistics(self) -> dict[str, Any]:
        """
        What was done since the volume was opened.
        """
        flusher = self._shared.flusher
        total = self._shared.tally.total()
        if self._table is not None:
            self._table.add_counts(total)
        return {
            "connections": len(self._open),
            "size_bytes": self.volume.size_bytes,
            "dirty_bytes": self.volume.usage().dirty,
            "flush_groups": flusher.groups,
            "largest_flush_group": flusher.largest,
            "operations": total.figures(),
        }

    def close(self) -> None:
        """
        Ends all clients after the request at hand, and closes the volume.  Raises StorageError.
        """
        with self._lock:
            open_now = dict(self._open)
        for connection in open_now:
            connection.stop()
        end_s = time.monotonic() + PATIENCE_S
        for connection, thread in open_now.items():
            thread.join(max(0.0, end_s - time.monotonic()))
            connection.abort()
            thread.join()
        self._shared.flusher.stop()
        self._preparing.join()
        try:
            self.volume.close()
        finally:
            if self._table is not None:
                self._table.forget_all()  # files of objects that may be removed soon


def _tune(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX:  # TCP finds out by itself how much to send ahead
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    elif sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < SENT_AHEAD_BYTES:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD_BYTES)
