"""
One NBD client in its transmission phase: a blocking loop that takes many requests per ``recv`` and
answers them with few ``send``.  Standard library only.  Measured reasons: docs/adr.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
import sys
from collections.abc import Callable

from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.outbox import Outbox
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import (
    REQUEST,
    REQUEST_BYTES,
    data_chunk_header,
    error_chunk,
    hole_chunk,
    simple,
    status_chunk,
)
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import OutOfRange, ReadOnlyVolume, StorageError

IN_BYTES = 512 << 10
OUT_BYTES = 256 << 10
MAX_EXTENTS = 4096

_KNOWN_FLAGS = {
    n.CMD_READ: n.CMD_FLAG_DF | n.CMD_FLAG_FUA,
    n.CMD_WRITE: n.CMD_FLAG_FUA,
    n.CMD_FLUSH: n.CMD_FLAG_FUA,
    n.CMD_TRIM: n.CMD_FLAG_FUA,
    n.CMD_CACHE: n.CMD_FLAG_FUA,
    n.CMD_WRITE_ZEROES: n.CMD_FLAG_FUA | n.CMD_FLAG_NO_HOLE,
    n.CMD_BLOCK_STATUS: n.CMD_FLAG_FUA | n.CMD_FLAG_REQ_ONE,
}


class _Gone(Exception):
    """
    The client closed, or broke the grammar: there is nothing more to say to it.
    """


class Connection:
    """
    Serves one client with ``run``, which closes the socket in the end and never raises.
    """

    def __init__(
        self, sock: socket.socket, volume: Volume, flusher: Flusher, *, is_structured: bool
    ) -> None:
        self._sock = sock
        self._volume = volume
        self._flusher = flusher
        self._is_structured = is_structured
        self._outbox = Outbox(sock)
        self._buffer = bytearray(IN_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # the part of the buffer that holds requests
        self._replies = bytearray()
        self._is_prefetched = False  # the reads of this batch
        self._handlers: dict[int, Callable[[int, int, int, int], None]] = {
            n.CMD_READ: self._read,
            n.CMD_FLUSH: self._flush,
            n.CMD_TRIM: self._trim,
            n.CMD_CACHE: self._cache,
            n.CMD_WRITE_ZEROES: self._write_zeroes,
            n.CMD_BLOCK_STATUS: self._block_status,
        }

    def run(self, farewell: bytes, leftover: bytes) -> None:
        """
        Sends ``farewell``, serves ``leftover``, then what comes.
        """
        try:
            if farewell:
                self._outbox.send(farewell)
            self._buffer[: len(leftover)] = leftover
            self._end = len(leftover)
            while True:
                self._serve_batch()
                self._receive()
        except (_Gone, OSError):
            pass
        finally:
            with contextlib.suppress(OSError):
                self._send_replies()
            self._sock.close()

    def stop(self) -> None:
        """
        Makes ``run`` end after the request at hand; any thread.
        """
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def _receive(self) -> None:
        if self._start:
            rest = self._end - self._start
            self._buffer[:rest] = self._buffer[self._start : self._end]
            self._start, self._end = 0, rest
        count = self._sock.recv_into(self._view[self._end :])
        if not count:
            raise _Gone
        self._end += count

    def _serve_batch(self) -> None:
        self._is_prefetched = False
        while self._end - self._start >= REQUEST_BYTES:
            magic, flags, kind, cookie, offset, size = REQUEST.unpack_from(
                self._buffer, self._start
            )
            if magic != n.REQUEST_MAGIC or kind == n.CMD_DISC:
                raise _Gone
            if kind == n.CMD_WRITE:
                if not self._take_write(flags, cookie, offset, size):
                    break
            else:
                self._start += REQUEST_BYTES
                self._perform(flags, kind, cookie, offset, size)
            if len(self._replies) >= OUT_BYTES:
                self._send_replies()
        self._send_replies()

    def _send_replies(self) -> None:
        if self._replies:
            replies, self._replies = self._replies, bytearray()
            self._outbox.send(replies)

    # Writes

    def _take_write(self, flags: int, cookie: int, offset: int, size: int) -> bool:
        """
        False when the payload is not all there yet.
        """
        if size > n.MAX_PAYLOAD:
            raise _Gone  # nobody can be made to read that far to answer
        start = self._start + REQUEST_BYTES
        if self._end - start >= size:
            self._start = start + size
            payload = self._view[start : start + size]
        elif REQUEST_BYTES + size > IN_BYTES:
            self._send_replies()
            payload = self._receive_large(start, size)
        else:
            return False
        if self._is_sound(flags, n.CMD_WRITE, cookie):
            self._change(flags, cookie, lambda: self._volume.write(offset, payload))
        return True

    def _receive_large(self, start: int, size: int) -> memoryview:
        payload = memoryview(bytearray(size))
        have = self._end - start
        payload[:have] = self._view[start : self._end]
        self._start = self._end = 0
        while have < size:
            count = self._sock.recv_into(payload[have:])
            if not count:
                raise _Gone
            have += count
        return payload

    def _change(self, flags: int, cookie: int, change: Callable[[], None]) -> None:
        try:
            change()
        except (StorageError, OSError) as error:
            self._replies += simple(cookie, self._number(error, n.ENOSPC))
            return
        if flags & n.CMD_FLAG_FUA:
            self._flush(flags, cookie, 0, 0)
        else:
            self._replies += simple(cookie)

    # The rest

    def _is_sound(self, flags: int, kind: int, cookie: int) -> bool:
        is_sound = kind in _KNOWN_FLAGS and not flags & ~_KNOWN_FLAGS[kind]
        if not is_sound:
            self._refuse(kind, cookie, n.EINVAL)
        return is_sound

    def _refuse(self, kind: int, cookie: int, number: int) -> None:
        must_be_chunk = kind in (n.CMD_READ, n.CMD_BLOCK_STATUS) and self._is_structured
        self._replies += (error_chunk if must_be_chunk else simple)(cookie, number)

    def _perform(self, flags: int, kind: int, cookie: int, offset: int, size: int) -> None:
        if not self._is_sound(flags, kind, cookie):
            return
        try:
            self._handlers[kind](flags, cookie, offset, size)
        except (StorageError, OSError) as error:
            self._refuse(kind, cookie, self._number(error, n.EINVAL))

    def _number(self, error: Exception, out_of_range: int) -> int:
        if isinstance(error, OutOfRange):
            return out_of_range
        if isinstance(error, ReadOnlyVolume):
            return n.EPERM
        sys.stderr.write(f"{self._volume.name}: {error}\n")
        number = getattr(error, "errno", None)
        return n.ENOSPC if number in (errno.ENOSPC, errno.EDQUOT) else n.EIO

    def _read(self, flags: int, cookie: int, offset: int, size: int) -> None:
        if size > n.MAX_PAYLOAD:
            raise OutOfRange("a read of more than 32 MiB")
        if not self._is_structured:
            head = simple(cookie)
        elif size and self._is_hole(offset, size):
            self._replies += hole_chunk(cookie, offset, size)
            return
        else:
            head = data_chunk_header(cookie, offset, size)
        if size > OUT_BYTES:
            self._send_replies()
        replies = self._replies
        front = len(replies)
        replies += head
        body = len(replies)
        replies += bytes(size)
        try:
            with memoryview(replies) as view, view[body:] as part:
                if not self._volume.read_now(offset, part):
                    self._prefetch_batch()
                    self._volume.read_into(offset, part)
        except BaseException:
            del replies[front:]
            raise

    def _is_hole(self, offset: int, size: int) -> bool:
        extents = list(itertools.islice(self._volume.extents(offset, size), 2))
        return len(extents) == 1 and not extents[0][1]

    def _prefetch_batch(self) -> None:
        """
        Tells the kernel of all reads that are here already, so that the medium does them at once.
        """
        if self._is_prefetched:
            return
        self._is_prefetched = True
        at = self._start
        while self._end - at >= REQUEST_BYTES:
            magic, _, kind, _, offset, size = REQUEST.unpack_from(self._buffer, at)
            if magic != n.REQUEST_MAGIC:
                return
            at += REQUEST_BYTES + (size if kind == n.CMD_WRITE else 0)
            if kind == n.CMD_READ and size <= n.MAX_PAYLOAD:
                self._volume.prefetch(offset, size)

    def _flush(self, flags: int, cookie: int, offset: int, size: int) -> None:
        def answer(is_done: bool) -> None:
            self._outbox.post(simple(cookie, 0 if is_done else n.EIO))

        self._flusher.submit(answer)

    def _trim(self, flags: int, cookie: int, offset: int, size: int) -> None:
        self._change(flags, cookie, lambda: self._volume.zero(offset, size, is_hint=True))

    def _write_zeroes(self, flags: int, cookie: int, offset: int, size: int) -> None:
        self._change(flags, cookie, lambda: self._volume.zero(offset, size))

    def _cache(self, flags: int, cookie: int, offset: int, size: int) -> None:
        if offset + size > self._volume.size_bytes:
            raise OutOfRange("beyond the end")
        self._volume.prefetch(offset, size)
        self._replies += simple(cookie)

    def _block_status(self, flags: int, cookie: int, offset: int, size: int) -> None:
        if not self._is_structured or not size:
            raise OutOfRange("block status of nothing, or not negotiated")
        limit = 1 if flags & n.CMD_FLAG_REQ_ONE else MAX_EXTENTS
        found = [
            (length, 0 if is_data else n.STATE_HOLE | n.STATE_ZERO)
            for length, is_data in itertools.islice(self._volume.extents(offset, size), limit)
        ]
        self._replies += status_chunk(cookie, n.CONTEXT_ID, found)
