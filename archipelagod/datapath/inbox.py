"""
What a client sent and nobody served yet.  Standard library only.
"""

from __future__ import annotations

import mmap
import socket
import struct

IN_BYTES = 512 << 10
IDLE_S = 2  # after which a client's memory is given back

_TIMEVAL = struct.Struct("@ll")
_PATIENT = _TIMEVAL.pack(0, 0)
_IMPATIENT = _TIMEVAL.pack(IDLE_S, 0)


class Gone(Exception):
    """
    The client closed, or broke the grammar: there is nothing more to say to it.
    """


def private_memory(size: int) -> mmap.mmap:
    """
    Memory that takes room only where it was written, until ``madvise(MADV_DONTNEED)``.
    """
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class Inbox:
    """
    The bytes between ``start`` and ``end`` of ``view``; who serves some of them moves ``start``.
    """

    def __init__(self, sock: socket.socket, leftover: bytes) -> None:
        self.start = 0
        self.end = len(leftover)
        self._sock = sock
        self._memory = private_memory(IN_BYTES)
        self.view = memoryview(self._memory)
        self.view[: self.end] = leftover
        self._wait_at_most(_IMPATIENT)

    def _wait_at_most(self, time: bytes) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, time)

    def take(self) -> bytes:
        """
        All of it, which is gone from here.
        """
        taken = bytes(self.view[self.start : self.end])
        self.start = self.end = 0
        return taken

    def put(self, received: bytes) -> None:
        """
        The opposite of ``take``; nothing is here.
        """
        self.view = memoryview(self._memory)
        self.view[: len(received)] = received
        self.start, self.end = 0, len(received)

    def lend(self, request: bytes) -> None:
        """
        One whole request in the place of our memory, until ``put``.
        """
        self.view = memoryview(request)
        self.start, self.end = 0, len(request)

    def receive(self) -> bool:
        """
        Takes more, if there is any within IDLE_S.  Raises Gone, OSError.
        """
        rest = self.end - self.start
        if self.start:
            if rest:
                self.view[:rest] = self.view[self.start : self.end]
            self.start, self.end = 0, rest
        try:
            count = self._sock.recv_into(self.view[rest:])
        except BlockingIOError:
            return False
        if not count:
            raise Gone
        self.end += count
        return True

    def receive_at_leisure(self) -> None:
        """
        As ``receive``, for as long as it takes, and without memory meanwhile.
        """
        if self.start == self.end:
            self._memory.madvise(mmap.MADV_DONTNEED)
        self._wait_at_most(_PATIENT)
        try:
            self.receive()
        finally:
            self._wait_at_most(_IMPATIENT)

    def payload(self, size: int) -> memoryview:
        """
        The next ``size`` bytes, received first if need be.  Raises Gone, OSError.
        """
        have = self.end - self.start
        if have >= size:
            self.start += size
            return self.view[self.start - size : self.start]
        payload = memoryview(bytearray(size))
        payload[:have] = self.view[self.start : self.end]
        self.start = self.end = 0
        while have < size:
            try:
                count = self._sock.recv_into(payload[have:])
            except BlockingIOError:
                continue
            if not count:
                raise Gone
            have += count
        return payload
