"""
Who is at the other end of a socket.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

_CREDENTIALS = struct.Struct("3i")  # process, user, group


def owner_of(sock: socket.socket) -> int | None:
    """
    A number for the client behind a connection; connections of equal numbers are one client's.

    A process on a unix socket; over TCP a host (a negative number).  None when nothing is known.
    """
    if sock.family == socket.AF_UNIX:
        pid, _ = _credentials(sock)
        return pid or None
    try:
        host = sock.getpeername()[0].partition("%")[0]
    except OSError:
        return None
    return -1 - int(ipaddress.ip_address(host))


def peer_uid(sock: socket.socket) -> int | None:
    """
    The user at the other end of a unix socket.
    """
    pid, uid = _credentials(sock)
    return None if pid is None else uid


def _credentials(sock: socket.socket) -> tuple[int | None, int]:
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None, -1
    pid, uid, _ = _CREDENTIALS.unpack(found)
    return pid, uid
