"""
Replies that are collected, to be sent together.  Standard library only.
"""

from __future__ import annotations

import mmap

from archipelagod.datapath.inbox import private_memory
from archipelagod.datapath.outbox import Outbox

OUT_BYTES = 256 << 10  # replies are sent when they are this long, or the batch ends
_SLACK = 4096  # for the heads of replies
_KEPT = OUT_BYTES + _SLACK


class Replies:
    """
    For the thread that serves a client.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._memory = private_memory(_KEPT)
        self._view = memoryview(self._memory)
        self._end = 0

    @property
    def has_any(self) -> bool:
        """
        Whether something is to be sent.
        """
        return self._end > 0

    def has_room(self, size: int) -> bool:
        """
        Whether a reply of ``size`` bytes fits without sending; always when there is none yet.
        """
        return not self._end or self._end + size <= _KEPT

    def add(self, reply: bytes) -> None:
        """
        A reply, for which there is room.
        """
        end = self._end + len(reply)
        if end > _KEPT:
            self._enlarge(end)
        self._view[self._end : end] = reply
        self._end = end

    def add_room(self, head: bytes, size: int) -> memoryview:
        """
        A reply of ``head`` and ``size`` bytes, which the caller fills in.
        """
        body = self._end + len(head)
        end = body + size
        if end > _KEPT:
            self._enlarge(end)
        self._view[self._end : body] = head
        self._end = end
        return self._view[body:end]

    def take_back(self, size: int) -> None:
        """
        The last ``size`` bytes are not to be sent.
        """
        self._end -= size

    def _enlarge(self, size: int) -> None:
        larger = memoryview(private_memory(size))
        larger[: self._end] = self._view[: self._end]
        self._view = larger

    def send(self) -> None:
        """
        Sends what was collected.  Raises OSError when the client is gone.
        """
        if self._end:
            end, self._end = self._end, 0
            self._outbox.send(self._view[:end])
            if len(self._view) > _KEPT:
                self._view = memoryview(self._memory)

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """
        Sends what was collected, and then a part of a file.  Raises OSError.
        """
        end, self._end = self._end, 0
        self._outbox.send_file(self._view[:end], fd, offset, size)

    def shrink(self) -> None:
        """
        Gives memory back; nothing may be waiting.
        """
        self._memory.madvise(mmap.MADV_DONTNEED)
