"""
One NBD client in its transmission phase: a blocking loop that takes many requests per ``recv`` and
answers them with few ``send``.  Standard library only.
"""

from __future__ import annotations

import contextlib
import socket

from archipelagod.datapath.answers import Answers
from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.handover import Handover
from archipelagod.datapath.outbox import Outbox
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST, REQUEST_BYTES
from archipelagod.volume.volume import Volume

IN_BYTES = 512 << 10


class _Gone(Exception):
    """
    The client closed, or broke the grammar: there is nothing more to say to it.
    """


class Connection:
    """
    Serves one client with ``run``, which closes the socket in the end.
    """

    def __init__(
        self, sock: socket.socket, volume: Volume, flusher: Flusher, handover: Handover
    ) -> None:
        self._sock = sock
        self._volume = volume
        self._handover = handover
        self._outbox = Outbox(sock)
        self._answers = Answers(volume, flusher, self._outbox, handover, self._prefetch_batch)
        self._buffer = bytearray(IN_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # the part of the buffer that holds requests
        self._is_prefetched = False  # the reads of this batch

    def run(self) -> None:
        """
        Sends what negotiation left to say, serves what the client sent already, then what comes.
        """
        farewell, leftover = self._handover.farewell, self._handover.leftover
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
                self._answers.send()
            self._sock.close()

    def stop(self) -> None:
        """
        Makes ``run`` end after the request at hand, with its reply sent; any thread.
        """
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """
        Makes ``run`` end even if the client does not read its replies; any thread.
        """
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

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
                self._answers.perform(flags, kind, cookie, offset, size)
            if self._answers.is_full:
                self._answers.send()
        self._answers.send()

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
            self._answers.send()
            payload = self._receive_large(start, size)
        else:
            return False
        self._answers.write(flags, cookie, offset, payload)
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
