"""
The loop in C, where it was built: it serves plain reads and writes of objects that are files, and
leaves everything else to the loop in Python.  Standard library only.

The environment's SYNNEFO_PURE=1 switches it off.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from archipelagod.datapath.counts import FLUSH, READ, WRITE, Counts
from archipelagod.datapath.exchange import Exchange
from archipelagod.datapath.handover import AnyHandover, Handover
from archipelagod.datapath.inbox import Gone
from archipelagod.nbd.replies import REQUEST
from archipelagod.stores.file_objects import FileObjects
from archipelagod.volume.map_format import OBJECT_SHIFT
from archipelagod.wire import framing

if TYPE_CHECKING:
    import socket

    from archipelagod.stores.store import Store
    from archipelagod.volume.table import Written
    from archipelagod.volume.unsynced import Range
    from archipelagod.volume.volume import Volume

try:
    from archipelagod.datapath import _fast
except ImportError:
    IS_BUILT = False
else:
    IS_BUILT = True

MOST_DIRECT = 1 << 16  # objects of one volume
TOGETHER = 32  # requests that are left to the loop in Python at once


def direct_table(store: Store, volume: Volume) -> DirectTable | None:
    """
    For a volume whose objects are files; None where the loop in Python has to do.
    """
    objects: object = store.objects
    is_wanted = IS_BUILT and os.environ.get("SYNNEFO_PURE") != "1"
    if not is_wanted or not isinstance(objects, FileObjects):
        return None
    return DirectTable(volume, objects.fd)


class DirectTable:
    """
    See Table and Direct.

    fd: IObjects.fd of the volume's store.
    """

    def __init__(self, volume: Volume, fd: Callable[[int], int]) -> None:
        self._fd = fd
        # Up to two descriptors each; the other half is for stores, clients and the rest.
        _fast.set_most_direct(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self.entries = _fast.Table(volume.size_bytes, MOST_DIRECT)
        self.forget = self.entries.forget
        self.fill = self.entries.fill
        self.freeze = self.entries.freeze
        self.resize = self.entries.resize
        self.take_written: Callable[[], Written] = self.entries.take_written
        self.bypass = self.entries.bypass
        self.wait_for_flushes = self.entries.wait_for_flushes
        self.wake = self.entries.wake
        self._volume = volume
        volume.map.table = self

    def forget_all(self) -> None:
        """See Table."""
        self.entries.resize(self._volume.end)

    def resolve(self, index: int) -> None:
        """
        Finds out how the object at ``index`` may be used.
        """
        volume, entries = self._volume, self.entries
        with volume.map.lock:  # so that nothing changes meanwhile
            generation = entries.generation
            if index << OBJECT_SHIFT >= volume.end:
                return  # it was just cut off
            entry = volume.direct_entry(index)
            if entry is not None:
                is_writable = entry.is_writable and volume.map.is_ready
                entries.install(
                    index,
                    entry.fd,
                    entry.parent_fd,
                    entry.bitmap,
                    is_writable,
                    entry.keep,
                    generation,
                )
            elif volume.is_hole(index << OBJECT_SHIFT, 1):
                entries.install_zeros(index, generation)
            else:
                entries.install_slow(index, generation)

    def flushed(self, group: int, is_done: bool) -> None:
        """See Direct."""
        for answer, replies, count in self.entries.flushed(group, is_done):
            answer(is_done, replies, count)

    def gather(self, parts: list[Range], tag: int, salt: int) -> bytearray | None:
        """See Table."""
        try:
            opened = [(self._fd(oid), oid, inner, size) for oid, inner, size in parts]
            return _fast.gather(opened, tag, salt)
        except FileNotFoundError:
            return None

    def add_counts(self, total: Counts) -> None:
        """
        Adds what loops did.
        """
        for operation, figures in zip((READ, WRITE, FLUSH), self.entries.statistics(), strict=True):
            size, microseconds, latency = figures
            total.bytes[operation] += size
            total.microseconds[operation] += microseconds
            for place, count in enumerate(latency):
                total.latency[operation][place] += count


class FastLoop:
    """
    Serves one client for as long as the table may be used.
    """

    def __init__(
        self, sock: socket.socket, exchange: Exchange, table: DirectTable, handover: AnyHandover
    ) -> None:
        self._sock = sock
        self._exchange = exchange
        self._table = table
        if isinstance(handover, Handover):
            self._codec = _fast.NBD_STRUCTURED if handover.is_structured else _fast.NBD_SIMPLE
            self._rest = _rest_of_nbd
        else:
            self._codec = _fast.BLOCK_FRAMES
            self._rest = _rest_of_frame
        exchange.outbox.sending = self._lock = _fast.SendLock()

    def run(self, serve_batch: Callable[[int], bool]) -> None:
        """
        Serves what is in the inbox and what comes; returns when the table is bypassed, with what
        was not served in the inbox.  Raises Gone, OSError.

        serve_batch: performs the request in the inbox.
        """
        exchange, table = self._exchange, self._table
        inbox = exchange.inbox
        loop = _fast.Loop(
            self._sock.fileno(),
            table.entries,
            self._lock,
            self._codec,
            inbox.take(),
            exchange.flushed,
        )
        while (found := loop.run()) is not None:
            exchange.asked_for_flushes(loop.take_flushes())
            if isinstance(found, int):
                table.resolve(found)
            elif isinstance(found, bytes):
                inbox.put(found)
                return
            elif not found:
                exchange.outbox.deliver()
            else:
                head, payload, written = found
                request = (self._rest(head, written) if written else head) + payload
                if payload:  # the first write to a place: more are likely to follow
                    request += loop.rest(TOGETHER)
                inbox.lend(request)
                while serve_batch(time.monotonic_ns()):
                    pass
        exchange.asked_for_flushes(loop.take_flushes())
        raise Gone


def _rest_of_nbd(head: bytes, written: int) -> bytes:
    """
    The head of a WRITE as if what was written already were not part of it.
    """
    magic, flags, kind, cookie, offset, size = REQUEST.unpack(head)
    return REQUEST.pack(magic, flags, kind, cookie, offset + written, size - written)


def _rest_of_frame(head: bytes, written: int) -> bytes:
    """
    See ``_rest_of_nbd``.
    """
    was = framing.parse(head)
    return framing.pack(
        was.kind,
        was.operation,
        was.serial,
        offset=was.offset + written,
        data_bytes=was.data_bytes - written,
    )
