"""
Replies that are collected, to be sent together.  Standard library only.
"""

from __future__ import annotations

import mmap

from archipelagod.datapath.inbox import private_memory
from archipelagod.datapath.outbox import Outbox

OUT_BYTES = 256 << 10  # replies are sent when they are this long, or the batch ends
_MOST_BYTES = 1 << 20  # of one reply in the memory that is kept
_KEPT = OUT_BYTES + _MOST_BYTES + 4096


class Replies:
    """
    For the thread that serves a client.

    size: bytes collected; when they are OUT_BYTES it is time to send.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.size = 0
        self._outbox = outbox
        self._memory = private_memory(_KEPT)
        self._view = memoryview(self._memory)

    def add(self, reply: bytes) -> None:
        """
        One more reply.
        """
        start = self.size
        self.size = end = start + len(reply)
        if end > len(self._view):
            self._enlarge(start, end)
        self._view[start:end] = reply

    def add_room(self, head: bytes, size: int) -> memoryview:
        """
        A reply of ``head`` and ``size`` bytes, which the caller fills in.
        """
        start = self.size
        body = start + len(head)
        self.size = end = body + size
        if end > len(self._view):
            self._enlarge(start, end)
        self._view[start:body] = head
        return self._view[body:end]

    def take_back(self, size: int) -> None:
        """
        The last ``size`` bytes are not to be sent.
        """
        self.size -= size

    def _enlarge(self, used: int, size: int) -> None:
        larger = memoryview(private_memory(size))
        larger[:used] = self._view[:used]
        self._view = larger

    def send(self) -> None:
        """
        Sends what was collected.  Raises OSError when the client is gone.
        """
        size, self.size = self.size, 0
        if size:
            self._outbox.send(self._view[:size])
            if len(self._view) > _KEPT:
                self._view = memoryview(self._memory)

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """
        Sends what was collected, and then a part of a file.  Raises OSError.
        """
        front, self.size = self.size, 0
        self._outbox.send_file(self._view[:front], fd, offset, size)

    def shrink(self) -> None:
        """
        Gives memory back; nothing may be waiting.
        """
        self._memory.madvise(mmap.MADV_DONTNEED)
