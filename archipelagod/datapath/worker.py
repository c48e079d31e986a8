"""
The process that serves one volume.  Started by archipelagod.datapath.processes with a bare Python:
nothing but the standard library and this package's own plain modules may be imported here.

Descriptor 3 is the control socket.  Descriptor 4 holds the lock on the store: while a worker lives
no other daemon can use the store, so nobody else writes this volume.
"""

from __future__ import annotations

import os
import resource
import socket
import sys

from archipelagod.datapath import messages
from archipelagod.datapath.serving import VolumeServer
from archipelagod.stores.store import open_file_store
from archipelagod.volume.opening import open_volume
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError, StorageUnavailable

CONTROL_FD, LOCK_FD = 3, 4


def main(arguments: list[str]) -> int:
    """
    Serves the volume named in ``arguments`` (store, volume, session) until told to close.
    """
    path, name, session = arguments
    control = socket.socket(fileno=CONTROL_FD)
    control.setblocking(True)
    _raise_descriptor_limit()
    try:
        volume = open_volume(open_file_store(path), name, int(session))
    except (StorageError, OSError) as error:
        control.send(_failure(error))
        return 1
    control.send(messages.pack_ready(volume.size_bytes, is_read_only=volume.is_read_only))
    return _serve(control, volume)


def _serve(control: socket.socket, volume: Volume) -> int:
    def ended(served: int, now: int) -> None:
        control.send(messages.pack_ended(served, now))

    server = VolumeServer(volume, ended)
    while True:
        message, fds, _, _ = socket.recv_fds(control, messages.MAX_MESSAGE, 1)
        if not message:
            # The daemon is gone.  A new one waits for us: what clients were told is in the kernel,
            # and the next opening takes it from there.
            os._exit(3)
        if message[0] == messages.CLOSE:
            break
        if fds:
            server.serve(socket.socket(fileno=fds[0]), messages.unpack_serve(message))
    try:
        server.close()
    except (StorageError, OSError) as error:
        control.send(_failure(error))
        return 1
    return 0


def _failure(error: Exception) -> bytes:
    kind = error if isinstance(error, StorageError) else StorageUnavailable()
    return messages.pack_failed(kind.status, str(error))


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
