"""
Reads of the remote API: one client, eight at once, lists of everything.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from urllib.parse import urlsplit

SECONDS = 4.0
CLIENTS = 8
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"connection: close", re.IGNORECASE)
Figures = Iterator[tuple[str, float, str]]


class Connection:
    """
    A TLS connection that is kept, as far as the server keeps it.

    A Ganeti closes it after each answer: then the next read opens another.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._address = (parts.hostname or "", parts.port or 443)
        self._context = ssl._create_unverified_context()
        self._socket: ssl.SSLSocket | None = None

    def get(self, path: str) -> int:
        """The size of the answer's body.  Raises RuntimeError unless the status is 200."""
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        found = LENGTH.search(head)
        assert found is not None
        size, left = int(found[1]), int(found[1]) - len(body)
        while left > 0:
            left -= len(self._received(min(left, 1 << 20)))
        if CLOSES.search(head):
            self.close()
        return size

    def close(self) -> None:
        """The next read opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> ssl.SSLSocket:
        plain = socket.create_connection(self._address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(plain)

    def _received(self, most: int) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(most)
        if not data:
            raise RuntimeError("the server hung up in the middle of an answer")
        return data


def spent_s(base: str, path: str, seconds: float = SECONDS) -> list[float]:
    """How long each read took, one after the other on one connection, after one that warms up."""
    connection = Connection(base)
    connection.get(path)
    times: list[float] = []
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        connection.get(path)
        times.append(time.monotonic() - begun)
    connection.close()
    return times


def by_many_per_s(base: str, path: str, clients: int = CLIENTS) -> float:
    """Reads a second of so many clients together."""
    begun = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        counts = list(pool.map(lambda _: len(spent_s(base, path)), range(clients)))
    return (sum(counts) + clients) / (time.monotonic() - begun)


def singles(base: str, instance: str) -> Figures:
    """(name, value, unit) of single objects, by one client and by eight."""
    paths = {"version": "/version", "info": "/2/info", "instance": f"/2/instances/{instance}"}
    for name, path in paths.items():
        times = spent_s(base, path)
        yield f"read-{name}", len(times) / sum(times), "reads/s"
    for name, path in paths.items():
        yield f"read-{name}-by-8", by_many_per_s(base, path), "reads/s"


def bulk(base: str, count: int) -> Figures:
    """(name, value, unit) of a list with everything about so many instances."""
    path = "/2/instances?bulk=1"
    yield f"bulk-{count}", median(spent_s(base, path)) * 1000, "ms"
    yield f"bulk-{count}-by-8", by_many_per_s(base, path), "reads/s"
