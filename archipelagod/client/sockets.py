"""
Connected sockets to places where a daemon listens.
"""

from __future__ import annotations

import socket
import ssl

from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.places import Place


def connected(place: Place, timeout_s: float) -> socket.socket:
    """
    A socket, with TLS where the place says so.  Raises StorageUnavailable.
    """
    try:
        if place.kind == "unix":
            return _unix(place.address, timeout_s)
        sock = socket.create_connection((place.address, place.port), timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _secured(sock, place) if place.kind == "ssl" else sock
    except (OSError, ValueError) as error:  # ValueError: an address that can't be one
        raise StorageUnavailable(f"can't connect: {error}") from error


def _unix(path: str, timeout_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout_s)
    try:
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _secured(sock: socket.socket, place: Place) -> socket.socket:
    try:
        context = ssl.create_default_context(cafile=place.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if place.certificate is not None:
            context.load_cert_chain(place.certificate, place.key)
        return context.wrap_socket(sock, server_hostname=place.address)
    except BaseException:
        sock.close()
        raise
