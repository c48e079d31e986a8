"""
What is done alike for clients of both protocols: bytes in, bytes out, and reads.  Standard library
only.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.counts import READ, Tally
from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.gate import Pass
from archipelagod.datapath.inbox import Gone, Inbox
from archipelagod.datapath.limits import Limiter
from archipelagod.datapath.outbox import Outbox
from archipelagod.datapath.replies import OUT_BYTES, Replies
from archipelagod.volume.map_format import OBJECT_BYTES, OBJECT_SHIFT
from archipelagod.volume.ranges import INNER
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

BATCH_REQUESTS = 64  # of one client, then others have their turn
BATCH_BYTES = 1 << 20
PREFETCHED_BYTES = 8 << 20
SETTLE_S = 1.0
FILE_BYTES = 64 << 10  # reads of that size cost less as files


class Shared(NamedTuple):
    """
    What all clients of a volume have in common.
    """

    volume: Volume
    flusher: Flusher
    limiter: Limiter
    tally: Tally
    complaints: Complaints


class Exchange:
    """
    For the thread that serves a client.

    upcoming: to be set to what gives the reads (offset, size) that are in the inbox.
    refusal: to be set to what gives the answers to FLUSH requests that failed.
    done: operations of this batch, for the figures.
    """

    def __init__(self, sock: socket.socket, leftover: bytes, shared: Shared) -> None:
        self.volume = shared.volume
        self.counts = shared.tally.begin()
        self.inbox = Inbox(sock, leftover)
        self.outbox = Outbox(sock)
        self.replies = Replies(self.outbox)
        self.answer = self.replies.add  # a reply, to be sent with the others
        self.done: list[int] = []
        self.is_stopped = False
        self.upcoming: Callable[[], Iterator[tuple[int, int]]] = lambda: iter(())
        self.refusal: Callable[[bytes], bytes] = bytes
        self._shared = shared
        self.limiter = shared.limiter
        self._pass: Pass = shared.volume.gate.new_pass()
        self._is_prefetched = False  # the reads of this batch
        self._flushes = 0  # asked for
        self._flushed = 0  # answered
        self._settled = threading.Event()

    @property
    def has_limits(self) -> bool:
        """
        Whether ``admit`` may take its time.
        """
        return self.limiter.is_set

    def enter(self) -> None:
        """
        A batch begins.
        """
        self._is_prefetched = False
        self._pass.enter()

    def leave(self) -> None:
        """
        The batch ends.
        """
        self._pass.leave()

    def close(self) -> None:
        """
        The client is gone.
        """
        self.volume.gate.forget(self._pass)
        self._shared.tally.end(self.counts)

    def send(self) -> None:
        """
        Sends what was collected, in the midst of a batch.  Raises Gone.
        """
        if self.replies.size:
            self._outside(self.replies.send)

    def payload(self, size: int) -> memoryview:
        """
        The next ``size`` bytes of a request that is too large for the inbox.  Raises Gone.
        """
        self.send()
        found: list[memoryview] = []
        self._outside(lambda: found.append(self.inbox.payload(size)))
        return found[0]

    def _outside(self, action: Callable[[], None]) -> None:
        self._pass.leave()
        try:
            action()
        except OSError as error:
            raise Gone from error  # not to be taken for a failure of the store
        finally:
            self._pass.enter()

    def admit(self, size: int) -> None:
        """
        Returns when the volume's limits let a request of ``size`` bytes through.  Call it where
        ``limiter.is_set``.
        """
        wait_s = self.limiter.take(size)
        if wait_s > 0:
            self.send()
            self._outside(lambda: self.limiter.wait(wait_s, lambda: self.is_stopped))

    def flush(self, reply: Callable[[bool], bytes]) -> None:
        """
        Answers with ``reply`` (of whether that was possible) once all is on stable storage.
        """
        self._flushes += 1

        def done(is_done: bool) -> None:
            self.outbox.post(reply(is_done))
            self._flushed += 1
            self._settled.set()

        self._shared.flusher.submit(done)

    def asked_for_flushes(self, count: int) -> None:
        """
        So many more were asked for elsewhere; ``flushed`` hears of them.
        """
        self._flushes += count

    def flushed(self, is_done: bool, data: bytes, count: int) -> None:
        """
        Answers flushes that were asked for elsewhere.  In the flusher's thread.

        data: the replies, or the requests if it was not possible.
        """
        self.outbox.post(data if is_done else self.refusal(data))
        self._flushed += count
        self._settled.set()

    def settle(self) -> None:
        """
        Returns when every flush was answered, in the midst of a batch.
        """
        self._outside(self.wait_for_flushes)

    def wait_for_flushes(self) -> None:
        """
        As ``settle``, between batches.
        """
        while self._flushed < self._flushes:
            self._settled.wait(SETTLE_S)
            self._settled.clear()

    def read(self, head: bytes, offset: int, size: int) -> None:
        """
        Answers with ``head`` and what the volume holds.  After an error nothing is answered.
        """
        replies = self.replies
        if replies.size >= OUT_BYTES:
            self.send()
        if size >= FILE_BYTES and self._send_file(head, offset, size):
            return
        view = replies.add_room(head, size)
        try:
            if not self.volume.read_now(offset, view):
                self._prefetch_batch()
                self.volume.read_into(offset, view)
        except BaseException:
            replies.take_back(len(head) + size)
            raise
        self.counts.bytes[READ] += size

    def _send_file(self, head: bytes, offset: int, size: int) -> bool:
        """
        Answers with a part of an object's file, without a copy; False where that can't be done.
        Should the medium fail meanwhile the client is disconnected: the head was sent already.
        """
        inner = offset & INNER
        if inner + size > OBJECT_BYTES or offset + size > self.volume.end:
            return False
        with self.volume.map.lock:
            entry = self.volume.direct_entry(offset >> OBJECT_SHIFT)
        if entry is None or entry.bitmap is not None or not _has(entry.fd, inner + size):
            return False
        self._prefetch_batch()
        self.replies.add(head)
        self._outside(lambda: self.replies.send_file(entry.fd, inner, size))
        self.counts.bytes[READ] += size
        return True

    def _prefetch_batch(self) -> None:
        """
        Tells the store of all reads that are here already, so that the medium does them at once.
        """
        if self._is_prefetched:
            return
        self._is_prefetched = True
        total = 0
        for offset, size in itertools.islice(self.upcoming(), BATCH_REQUESTS):
            total += size
            if total > PREFETCHED_BYTES:
                return
            self.volume.prefetch(offset, size)

    def has_failed(self, operation: int, error: StorageError | OSError) -> bool:
        """
        Counts a failure and complains of it where the operator sees it; whether room is missing.
        """
        self.counts.errors[operation] += 1
        self._shared.complaints.tell(error)
        return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _has(fd: int, size: int) -> bool:
    return stat.S_ISREG((found := os.fstat(fd)).st_mode) and found.st_size >= size
