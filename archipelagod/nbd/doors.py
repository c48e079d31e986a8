"""
Listening sockets for NBD: at a path, at a TCP address, or inherited from whoever started us.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path

BACKLOG = 256
FIRST_INHERITED_FD = 3
_OURS = (["nbd"], ["unknown"])  # the second stands for no name


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


def initial_environment() -> dict[str, str]:
    """
    The environment that this process was started with.

    Twisted takes the variables of sd_listen_fds(3) out of ``os.environ`` when it is imported, and
    keeps what they said only if the sockets have names.
    """
    try:
        parts = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(part).split("=", 1) for part in parts if b"=" in part)


def inherited_sockets(environment: Mapping[str, str]) -> list[socket.socket]:
    """
    The sockets that systemd, or a program that does as it does, left us: see sd_listen_fds(3).
    If they have names, those named "nbd".
    """
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return []
    names = environment.get("LISTEN_FDNAMES")
    found = []
    for index in range(int(count)):
        if names is not None and names.split(":")[index : index + 1] not in _OURS:
            continue
        fd = FIRST_INHERITED_FD + index
        os.set_inheritable(fd, False)
        listening = socket.socket(fileno=fd)
        listening.setblocking(False)
        found.append(listening)
    return found
