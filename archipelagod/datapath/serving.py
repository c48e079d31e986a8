"""
A volume and the clients that use it: one thread for each, and one that flushes.  Standard library
only: this runs in the worker process, or in the daemon itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from archipelagod.datapath.connection import Connection
from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.handover import Handover
from archipelagod.volume.volume import Volume

PATIENCE_S = 5.0  # for clients to read their last replies


class VolumeServer:
    """
    Serves an open volume until ``close``.

    ended: called in any thread when a client is gone, with the number of clients so far and now.
    """

    def __init__(self, volume: Volume, ended: Callable[[int, int], None]) -> None:
        self._volume = volume
        self._ended = ended
        self._flusher = Flusher(volume)
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._served = 0

    def serve(self, sock: socket.socket, handover: Handover) -> None:
        """
        Serves one more client, in a thread of its own; ``sock`` is ours from here on.
        """
        sock.setblocking(True)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, self._volume, self._flusher, handover)
        thread = threading.Thread(
            target=self._run, args=(connection,), name="connection", daemon=True
        )
        with self._lock:
            self._served += 1
            self._open[connection] = thread
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                self._open.pop(connection, None)
                served, now = self._served, len(self._open)
            self._ended(served, now)

    def close(self) -> None:
        """
        Ends all clients after the request at hand, and closes the volume.  Raises StorageError.
        """
        with self._lock:
            open_now = dict(self._open)
        for connection in open_now:
            connection.stop()
        for connection, thread in open_now.items():
            thread.join(PATIENCE_S)
            connection.abort()
            thread.join()
        self._flusher.stop()
        self._volume.close()
