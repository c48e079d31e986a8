"""
The memory of a guest that sleeps, in a file: one line of JSON, its Shape, then QEMU's stream.

All functions block: call them in a thread.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from ganetid.hypervisor import unprivileged
from ganetid.hypervisor.values import Shape

PATIENCE_S = 60.0  # without a byte
PIECE = 1024 * 1024


def partial(path: Path) -> Path:
    """Where memory is while it is written."""
    return path.with_name(f"{path.name}.partial")


def listen(place: str, pid: int) -> socket.socket:
    """
    A unix socket, to which only the user of this process of a guest connects.  Raises OSError.

    place: where that user can't write, or it might put something else there.
    """
    Path(place).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(place)
        Path(place).chmod(0o600)
        identity = unprivileged.identity_of_process(pid)
        if identity is not None:
            os.chown(place, identity.uid, identity.gid, follow_symlinks=False)
        made.listen(1)
        made.settimeout(PATIENCE_S)
    except OSError:
        made.close()
        raise
    return made


def receive(listener: socket.socket, path: Path, shape: Shape) -> None:
    """Write what the first that connects sends, to stable storage.  Raises OSError."""
    with listener, partial(path).open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(msgspec.json.encode(shape) + b"\n")
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            while piece := connection.recv(PIECE):
                file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def keep(path: Path) -> None:
    """What was received is the guest's memory.  Raises OSError."""
    partial(path).replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def shape_in(path: Path) -> Shape:
    """The hardware of the guest whose memory it is.  Raises OSError, ValueError."""
    with path.open("rb") as file:
        return msgspec.json.decode(file.readline(), type=Shape)


def send(path: Path, place: str) -> None:
    """Send the memory to a QEMU that listens at a unix socket.  Raises OSError."""
    with path.open("rb") as file, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as target:
        file.readline()
        target.settimeout(PATIENCE_S)
        target.connect(place)
        target.sendfile(file, file.tell())
