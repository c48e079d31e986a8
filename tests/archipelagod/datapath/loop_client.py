"""
Both ends of a loop in C, for its tests: a thread that serves a Disk, and a client that speaks NBD
or the block protocol.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Protocol

from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import CHUNK, DATA_CHUNK, REQUEST, SIMPLE, data_chunk_header, simple
from archipelagod.wire import framing, operations
from tests.archipelagod.datapath.disk import Disk

with contextlib.suppress(ImportError):  # the tests are skipped then
    from archipelagod.datapath import _fast

PATIENCE_S = 20


class Protocolled(Protocol):
    """
    One of the protocols, seen from both sides.
    """

    codec: int

    def read(self, cookie: int, offset: int, size: int) -> bytes:
        """A request."""

    def write(self, cookie: int, offset: int, data: bytes) -> bytes:
        """A request."""

    def reply(self, take: Take, sizes: dict[int, int]) -> tuple[int, bytes]:
        """The next reply: cookie and data.  ``sizes`` of reads are known, 0 for writes."""

    def request(self, head: bytes) -> tuple[bool, int, int, int]:
        """Is it a write, cookie, offset, size."""

    def answer(self, is_write: bool, cookie: int, offset: int, data: bytes) -> bytes:
        """A reply."""


class Take(Protocol):
    """
    So many bytes from the socket.
    """

    def __call__(self, size: int) -> bytes:
        """See the class."""


class Nbd:
    """
    See Protocolled.
    """

    def __init__(self, *, is_structured: bool) -> None:
        self.codec = _fast.NBD_STRUCTURED if is_structured else _fast.NBD_SIMPLE
        self._is_structured = is_structured

    def read(self, cookie: int, offset: int, size: int) -> bytes:
        """See Protocolled."""
        return REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, cookie, offset, size)

    def write(self, cookie: int, offset: int, data: bytes) -> bytes:
        """See Protocolled."""
        return REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_WRITE, cookie, offset, len(data)) + data

    def reply(self, take: Take, sizes: dict[int, int]) -> tuple[int, bytes]:
        """See Protocolled."""
        front = take(SIMPLE.size)
        magic, error, cookie = SIMPLE.unpack(front)
        if magic == n.SIMPLE_REPLY_MAGIC:
            assert error == 0
            size = sizes.get(cookie, 0)
            assert not (size and self._is_structured)
            return cookie, take(size)
        magic, flags, kind, cookie, length = CHUNK.unpack(front + take(CHUNK.size - len(front)))
        assert (magic, flags) == (n.STRUCTURED_REPLY_MAGIC, n.CHUNK_FLAG_DONE)
        take(DATA_CHUNK.size - CHUNK.size)
        if kind == n.CHUNK_OFFSET_DATA:
            return cookie, take(length - 8)
        assert kind == n.CHUNK_OFFSET_HOLE
        return cookie, bytes(struct.unpack(">I", take(4))[0])

    def request(self, head: bytes) -> tuple[bool, int, int, int]:
        """See Protocolled."""
        _, _, kind, cookie, offset, size = REQUEST.unpack(head)
        return kind == n.CMD_WRITE, cookie, offset, size

    def answer(self, is_write: bool, cookie: int, offset: int, data: bytes) -> bytes:
        """See Protocolled."""
        if is_write or not self._is_structured:
            return simple(cookie) + data
        return data_chunk_header(cookie, offset, len(data)) + data


class Block:
    """
    See Protocolled.
    """

    def __init__(self) -> None:
        self.codec = _fast.BLOCK_FRAMES

    def read(self, cookie: int, offset: int, size: int) -> bytes:
        """See Protocolled."""
        return framing.pack(framing.REQUEST, operations.READ, cookie, offset=offset, size=size)

    def write(self, cookie: int, offset: int, data: bytes) -> bytes:
        """See Protocolled."""
        front = framing.pack(
            framing.REQUEST, operations.WRITE, cookie, offset=offset, data_bytes=len(data)
        )
        return front + data

    def reply(self, take: Take, sizes: dict[int, int]) -> tuple[int, bytes]:
        """See Protocolled."""
        head = take(framing.HEADER_BYTES)
        found = framing.parse(head)
        operation = operations.READ if found.data_bytes else operations.WRITE
        # Byte by byte as from Python.
        assert head == framing.pack(
            framing.REPLY, operation, found.serial, data_bytes=found.data_bytes
        )
        return found.serial, take(found.data_bytes)

    def request(self, head: bytes) -> tuple[bool, int, int, int]:
        """See Protocolled."""
        found = framing.parse(head)
        is_write = found.operation == operations.WRITE
        size = found.data_bytes if is_write else found.size
        return is_write, found.serial, found.offset, size

    def answer(self, is_write: bool, cookie: int, offset: int, data: bytes) -> bytes:
        """See Protocolled."""
        operation = operations.WRITE if is_write else operations.READ
        return framing.pack(framing.REPLY, operation, cookie, data_bytes=len(data)) + data


class Flushed(list[tuple[bool, bytes, int]]):
    """
    What was told of flushes.
    """

    def __call__(self, is_done: bool, data: bytes, count: int) -> None:
        """See Table.flushed."""
        self.append((is_done, data, count))


class Pair:
    """
    A client's socket, and a thread that serves the other end until ``close``.
    """

    kind = socket.SOCK_STREAM

    def __init__(self, disk: Disk, protocol: Protocolled, received: bytes = b"") -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, self.kind)
        self.theirs.settimeout(PATIENCE_S)
        self.lock = _fast.SendLock()
        self.posted = 0
        self.returned = b""  # what the loop did not want to serve
        self.odd: list[tuple[bytes, bytes, int]] = []  # requests that Disk does not know
        self.failed: Exception | None = None
        self._disk = disk
        self._protocol = protocol
        self.flushed = Flushed()
        fd = self.ours.fileno()
        self.loop = _fast.Loop(fd, disk.table, self.lock, protocol.codec, received, self.flushed)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while (found := self.loop.run()) is not None:
                if isinstance(found, int):
                    self._disk.resolve(found)
                elif isinstance(found, bytes):
                    self.returned += found
                elif found:
                    self._perform(*found)
                else:
                    self.posted += 1
        except Exception as error:  # noqa: BLE001 -- told to the test in close()
            self.failed = error
        self.ours.shutdown(socket.SHUT_RDWR)

    def _perform(self, head: bytes, payload: bytes, written: int) -> None:
        try:
            is_write, cookie, offset, size = self._protocol.request(head)
        except framing.BadFrame:
            self.odd.append((head, payload, written))
            return
        if offset + size > self._disk.size or not size:
            self.odd.append((head, payload, written))
            return
        data = b""
        if is_write:
            assert len(payload) == size - written
            self._disk.write(offset + written, payload)
        else:
            data = self._disk.read(offset, size)
        self.ours.sendall(self._protocol.answer(is_write, cookie, offset, data))

    def take(self, size: int) -> bytes:
        """So many bytes of what was answered."""
        found = bytearray()
        while len(found) < size:
            data = self.theirs.recv(size - len(found))
            assert data, "the connection was closed"
            found += data
        return bytes(found)

    def send(self, data: bytes, cuts: list[int] | None = None) -> None:
        """Sends, in a thread of its own, in pieces of these sizes, the last for the rest."""

        def run() -> None:
            view = memoryview(data)
            for cut in [*(cuts or []), len(data)]:
                if view:
                    self.theirs.sendall(view[:cut])
                    view = view[cut:]

        self._sender = threading.Thread(target=run, daemon=True)
        self._sender.start()

    def close(self) -> None:
        """Ends the connection, and waits for the thread."""
        self.theirs.close()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self.ours.close()
        if self.failed is not None:
            raise self.failed
