"""
An NBD client that sends whatever a test wants, on a blocking socket.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

from archipelagod.nbd import numbers as n

TIMEOUT_S = 10.0
SET_STATUS = b"\0\0\0\1v\0\0\0\1\0\0\0\x0fbase:allocation"


class Chunk(NamedTuple):
    """
    A chunk of a structured reply; or a simple reply, of kind "simple".
    """

    cookie: int
    kind: Any
    flags: int
    body: bytes
    error: int = 0


def request(kind: int, offset: int, size: int, flags: int = 0, cookie: int = 1) -> bytes:
    """One request."""
    return struct.pack(">IHHQQI", n.REQUEST_MAGIC, flags, kind, cookie, offset, size)


def option(number: int, data: bytes = b"") -> bytes:
    """An option."""
    return struct.pack(">QII", n.OPTION_MAGIC, number, len(data)) + data


class RawClient:
    """
    Has the volume "v" open; structured: with base:allocation too.
    """

    def __init__(self, address: Any, *, structured: bool) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(address)
        self.file = self.sock.makefile("rb")
        self.file.read(18)
        self.send(struct.pack(">I", 3))
        if structured:
            self.send(option(n.OPT_STRUCTURED_REPLY), option(n.OPT_SET_META_CONTEXT, SET_STATUS))
        self.send(option(n.OPT_EXPORT_NAME, b"v"))
        if structured:
            self.replies_to_options(3)
        self.size_bytes, self.flags = struct.unpack(">QH", self.file.read(10))

    def replies_to_options(self, count: int) -> list[int]:
        """Kinds of so many replies to options."""
        kinds = []
        for _ in range(count):
            _, _, kind, size = struct.unpack(">QIII", self.file.read(20))
            self.file.read(size)
            kinds.append(kind)
        return kinds

    def send(self, *parts: bytes) -> None:
        """Sends."""
        self.sock.sendall(b"".join(parts))

    def errors(self, count: int) -> list[tuple[int, int]]:
        """Error and cookie of so many replies that have no data."""
        found = []
        for _ in range(count):
            chunk = self.chunk()
            found.append((chunk.error, chunk.cookie))
        return found

    def chunk(self, data_size: int = 0) -> Chunk:
        """
        The next reply, or chunk of one; data_size: of a simple reply to a read that succeeds.
        """
        (magic,) = struct.unpack(">I", self.file.read(4))
        if magic == n.SIMPLE_REPLY_MAGIC:
            error, cookie = struct.unpack(">IQ", self.file.read(12))
            body = b"" if error else self.file.read(data_size)
            return Chunk(cookie, "simple", 1, body, error)
        assert magic == n.STRUCTURED_REPLY_MAGIC, hex(magic)
        flags, kind, cookie, size = struct.unpack(">HHQI", self.file.read(16))
        body = self.file.read(size)
        error = struct.unpack_from(">I", body)[0] if kind == n.CHUNK_ERROR else 0
        return Chunk(cookie, kind, flags, body, error)

    def chunks(self) -> list[Chunk]:
        """All chunks of one structured reply."""
        found = [self.chunk()]
        while not found[-1].flags & n.CHUNK_FLAG_DONE:
            found.append(self.chunk())
        return found

    def is_ended(self) -> bool:
        """Whether the server closed; waits for it."""
        return self.file.read(1) == b""

    def close(self) -> None:
        """Hangs up."""
        self.file.close()
        self.sock.close()
