"""
Listening sockets for NBD: at a path, at a TCP address, or inherited from whoever started us.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, MutableMapping
from pathlib import Path

BACKLOG = 256
FIRST_INHERITED_FD = 3


def unix_socket(path: str, mode: int) -> socket.socket:
    """
    Listens at ``path``; whatever was there is replaced.  Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o777 & ~mode)
    try:
        listening.bind(path)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    listening.listen(BACKLOG)
    return listening


def tcp_socket(host: str, port: int) -> socket.socket:
    """
    Listens at an address.  Raises OSError.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def inherited_sockets(environment: MutableMapping[str, str]) -> Iterator[socket.socket]:
    """
    The sockets that systemd, or a program that does as it does, left us: see sd_listen_fds(3).

    The variables are removed: no child of ours is meant.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdigit():
        return
    for fd in range(FIRST_INHERITED_FD, FIRST_INHERITED_FD + int(count)):
        os.set_inheritable(fd, False)
        listening = socket.socket(fileno=fd)
        listening.setblocking(False)
        yield listening
