"""
What is done for each request of an NBD client, and what is answered.  Standard library only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from archipelagod.datapath.counts import DISCARD, FLUSH, OTHER, READ, WRITE, ZERO
from archipelagod.datapath.exchange import Exchange
from archipelagod.datapath.handover import Handover
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import (
    REQUEST,
    data_chunk_header,
    error_chunk,
    hole_chunk,
    none_chunk,
    simple,
    status_chunk,
)
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.wire.errors import LeaseLost, NoSpace, OutOfRange, ReadOnlyVolume, StorageError

MAX_EXTENTS = 4096

FAST_UNIT = 4096  # zeros that begin and end at multiples of it cost no data
_ZEROS = memoryview(bytes(1 << 20))

_KNOWN_FLAGS = {
    n.CMD_READ: n.CMD_FLAG_FUA,
    n.CMD_WRITE: n.CMD_FLAG_FUA,
    n.CMD_FLUSH: n.CMD_FLAG_FUA,
    n.CMD_TRIM: n.CMD_FLAG_FUA,
    n.CMD_CACHE: n.CMD_FLAG_FUA,
    n.CMD_WRITE_ZEROES: n.CMD_FLAG_FUA | n.CMD_FLAG_NO_HOLE | n.CMD_FLAG_FAST_ZERO,
    n.CMD_BLOCK_STATUS: n.CMD_FLAG_FUA | n.CMD_FLAG_REQ_ONE,
}


_COUNTED_AS = {
    n.CMD_READ: READ,
    n.CMD_FLUSH: FLUSH,
    n.CMD_TRIM: DISCARD,
    n.CMD_WRITE_ZEROES: ZERO,
}


class Answers:
    """
    For the thread that serves a client.
    """

    def __init__(self, exchange: Exchange, handover: Handover) -> None:
        self._exchange = exchange
        self._volume = exchange.volume
        self._is_structured = handover.is_structured
        self._has_status = handover.has_status
        self._known_flags = dict(_KNOWN_FLAGS)
        if handover.is_structured:
            self._known_flags[n.CMD_READ] |= n.CMD_FLAG_DF
        self._handlers: dict[int, Callable[[int, int, int, int], None]] = {
            n.CMD_READ: self._read,
            n.CMD_FLUSH: self._flush,
            n.CMD_TRIM: self._trim,
            n.CMD_CACHE: self._cache,
            n.CMD_WRITE_ZEROES: self._write_zeroes,
            n.CMD_BLOCK_STATUS: self._block_status,
        }

    def write(self, flags: int, cookie: int, offset: int, payload: memoryview) -> None:
        """
        Does a WRITE.
        """
        if flags and not self._is_sound(flags, n.CMD_WRITE, cookie):
            return
        exchange = self._exchange
        if exchange.limiter.is_set:
            exchange.admit(len(payload))
        exchange.done.append(WRITE)
        exchange.counts.bytes[WRITE] += len(payload)
        try:
            self._volume.write(offset, payload)
        except (StorageError, OSError) as error:
            exchange.answer(simple(cookie, self._number(WRITE, error, n.ENOSPC)))
            return
        self._changed(flags, cookie)

    def perform(self, flags: int, kind: int, cookie: int, offset: int, size: int) -> None:
        """
        Does anything but a WRITE.
        """
        if not self._is_sound(flags, kind, cookie):
            return
        try:
            self._handlers[kind](flags, cookie, offset, size)
        except (StorageError, OSError) as error:
            number = self._number(_COUNTED_AS.get(kind, OTHER), error, n.EINVAL)
            self._refuse(kind, cookie, number, str(error))

    def refusal(self, requests: bytes) -> bytes:
        """
        Answers to FLUSH requests that failed.
        """
        return b"".join(
            simple(cookie, n.EIO) for _, _, _, cookie, _, _ in REQUEST.iter_unpack(requests)
        )

    def _change(
        self,
        operation: int,
        flags: int,
        cookie: int,
        out_of_range: int,
        change: Callable[[], None],
    ) -> None:
        self._exchange.done.append(operation)
        try:
            change()
        except (StorageError, OSError) as error:
            self._exchange.answer(simple(cookie, self._number(operation, error, out_of_range)))
            return
        self._changed(flags, cookie)

    def _changed(self, flags: int, cookie: int) -> None:
        if flags & n.CMD_FLAG_FUA:
            self._flush(flags, cookie, 0, 0)
        else:
            self._exchange.answer(simple(cookie))

    def _is_sound(self, flags: int, kind: int, cookie: int) -> bool:
        known = self._known_flags
        is_sound = kind in known and not flags & ~known[kind]
        if not is_sound:
            self._refuse(kind, cookie, n.EINVAL, "unknown command or flag")
        return is_sound

    def _refuse(self, kind: int, cookie: int, number: int, text: str) -> None:
        must_be_chunk = kind in (n.CMD_READ, n.CMD_BLOCK_STATUS) and self._is_structured
        self._exchange.answer(
            error_chunk(cookie, number, text) if must_be_chunk else simple(cookie, number)
        )

    def _number(self, operation: int, error: StorageError | OSError, out_of_range: int) -> int:
        if isinstance(error, OutOfRange):
            return out_of_range
        if isinstance(error, ReadOnlyVolume):
            return n.EPERM
        if self._exchange.has_failed(operation, error) or isinstance(error, NoSpace):
            return n.ENOSPC
        return n.ESHUTDOWN if isinstance(error, LeaseLost) else n.EIO

    def _read(self, flags: int, cookie: int, offset: int, size: int) -> None:
        if self._exchange.limiter.is_set:
            self._exchange.admit(size)
        self._exchange.done.append(READ)
        if not self._is_structured:
            if size > n.MAX_PAYLOAD:
                raise OutOfRange("a read of more than 32 MiB")
            self._exchange.read(simple(cookie), offset, size)
        elif size > n.MAX_PAYLOAD:
            self._refuse(n.CMD_READ, cookie, n.EOVERFLOW, "a read of more than 32 MiB")
        elif not size:
            self._exchange.read(b"", offset, 0)
            self._exchange.answer(none_chunk(cookie))
        elif self._volume.is_hole(offset, size) and not flags & n.CMD_FLAG_DF:
            self._exchange.answer(hole_chunk(cookie, offset, size))
        elif offset % OBJECT_BYTES + size <= OBJECT_BYTES or flags & n.CMD_FLAG_DF:
            self._exchange.read(data_chunk_header(cookie, offset, size), offset, size)
        else:
            self._read_parts(cookie, offset, size)

    def _read_parts(self, cookie: int, offset: int, size: int) -> None:
        """
        Holes of a large read are not sent as zeros.
        """
        end = offset + size
        for length, is_data in self._volume.extents(offset, size):
            last = n.CHUNK_FLAG_DONE if offset + length == end else 0
            if is_data:
                head = data_chunk_header(cookie, offset, length, last)
                self._exchange.read(head, offset, length)
            else:
                self._exchange.answer(hole_chunk(cookie, offset, length, last))
            offset += length

    def _flush(self, _flags: int, cookie: int, offset: int, size: int) -> None:
        if offset or size:
            raise OutOfRange("a flush of a range")
        self._exchange.flush(lambda is_done: simple(cookie, 0 if is_done else n.EIO))

    def _trim(self, flags: int, cookie: int, offset: int, size: int) -> None:
        def trim() -> None:
            self._volume.zero(offset, size, is_hint=True)

        if self._exchange.limiter.is_set:
            self._exchange.admit(0)
        self._change(DISCARD, flags, cookie, n.EINVAL, trim)

    def _write_zeroes(self, flags: int, cookie: int, offset: int, size: int) -> None:
        has_room = bool(flags & n.CMD_FLAG_NO_HOLE)
        if flags & n.CMD_FLAG_FAST_ZERO and (has_room or not self._is_fast(offset, size)):
            self._exchange.answer(simple(cookie, n.ENOTSUP))
            return
        if self._exchange.limiter.is_set:
            self._exchange.admit(size if has_room else 0)
        zero = self._write_zeros if has_room else self._volume.zero
        self._change(ZERO, flags, cookie, n.ENOSPC, lambda: zero(offset, size))

    def _is_fast(self, offset: int, size: int) -> bool:
        end = offset + size
        is_whole = end % FAST_UNIT == 0 or end == self._volume.size_bytes
        return offset % FAST_UNIT == 0 and is_whole and not self._volume.is_read_only

    def _write_zeros(self, offset: int, size: int) -> None:
        """
        Zeros that take their room on the medium now, so that later writes find it.
        """
        if self._volume.is_read_only:
            raise ReadOnlyVolume(self._volume.name)
        if offset + size > self._volume.size_bytes:
            raise OutOfRange("beyond the end")
        while size:
            part = min(size, len(_ZEROS))
            self._volume.write(offset, _ZEROS[:part])
            offset += part
            size -= part
            self._exchange.leave()  # 4 GiB may be asked for: a snapshot need not wait for all
            self._exchange.enter()

    def _cache(self, _flags: int, cookie: int, offset: int, size: int) -> None:
        if offset + size > self._volume.size_bytes:
            raise OutOfRange("beyond the end")
        self._exchange.done.append(OTHER)
        self._volume.prefetch(offset, size)
        self._exchange.answer(simple(cookie))

    def _block_status(self, flags: int, cookie: int, offset: int, size: int) -> None:
        if not self._has_status or not size:
            raise OutOfRange("block status of nothing, or not negotiated")
        self._exchange.done.append(OTHER)
        limit = 1 if flags & n.CMD_FLAG_REQ_ONE else MAX_EXTENTS
        found = [
            (length, 0 if is_data else n.STATE_HOLE | n.STATE_ZERO)
            for length, is_data in itertools.islice(self._volume.allocated(offset, size), limit)
        ]
        self._exchange.answer(status_chunk(cookie, n.CONTEXT_ID, found))
