"""
Requests on a data connection of the block protocol, and what is answered: see docs/protocol.md.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archipelagod.datapath.counts import DISCARD, FLUSH, OTHER, READ, WRITE, ZERO
from archipelagod.datapath.exchange import BATCH_BYTES, BATCH_REQUESTS, Exchange
from archipelagod.datapath.inbox import IN_BYTES, Gone
from archipelagod.datapath.replies import OUT_BYTES
from archipelagod.wire import operations as op
from archipelagod.wire.errors import (
    BadRequest,
    NoSpace,
    OutOfRange,
    ReadOnlyVolume,
    StorageError,
    StorageUnavailable,
)
from archipelagod.wire.framing import (
    ERROR,
    HEADER_BYTES,
    MAX_IO_BYTES,
    REPLY,
    REQUEST,
    BadFrame,
    Header,
    pack,
    parse,
)

_COUNTED_AS = {
    op.READ: READ,
    op.WRITE: WRITE,
    op.FLUSH: FLUSH,
    op.DISCARD: DISCARD,
    op.WRITE_ZEROES: ZERO,
}


class BlockRequests:
    """
    See Requests.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._volume = exchange.volume
        self._handlers: dict[int, Callable[[Header, memoryview], None]] = {
            op.READ: self._read,
            op.WRITE: self._write,
            op.FLUSH: self._flush,
            op.DISCARD: self._discard,
            op.WRITE_ZEROES: self._write_zeroes,
            op.INFO: self._info,
            op.CLOSE: self._close,
        }
        exchange.upcoming = self._upcoming
        exchange.refusal = self._unflushed

    def serve_batch(self) -> bool:
        """See Requests."""
        inbox = self._exchange.inbox
        view = inbox.view
        requests, amount = BATCH_REQUESTS, BATCH_BYTES
        while inbox.end - inbox.start >= HEADER_BYTES:
            if not requests or amount < 0:
                return True
            if self._exchange.replies.size >= OUT_BYTES:
                self._exchange.send()
            try:
                header = parse(view, inbox.start)
                data = self._data(header)
                if data is None:
                    return False
                self._perform(header, data)
            except BadFrame as error:
                self._break(str(error))
            requests -= 1
            amount -= header.data_bytes + (header.size if header.operation == op.READ else 0)
        return False

    def _data(self, header: Header) -> memoryview | None:
        """
        The data of the frame that begins in the inbox, which is over then; None when it is not all
        there yet.
        """
        inbox = self._exchange.inbox
        front = HEADER_BYTES + header.target_bytes
        have = inbox.end - inbox.start
        if have >= front + header.data_bytes:
            start = inbox.start + front
            inbox.start = start + header.data_bytes
            return inbox.view[start : inbox.start]
        if have < front or front + header.data_bytes <= IN_BYTES:
            return None
        inbox.start += front
        return self._exchange.payload(header.data_bytes)

    def _break(self, text: str) -> None:
        """
        Says why, and hangs up.
        """
        data = text.encode()[:1000]
        head = pack(ERROR, 0, 0, status=BadRequest.status, data_bytes=len(data))
        self._exchange.answer(head + data)
        raise Gone

    def _perform(self, header: Header, data: memoryview) -> None:
        if header.kind != REQUEST:
            raise BadFrame("a client sends requests")
        handler = self._handlers.get(header.operation)
        counted = _COUNTED_AS.get(header.operation, OTHER)
        try:
            if handler is None:
                raise BadRequest(f"operation {header.operation} is not for data connections")
            handler(header, data)
        except (StorageError, OSError) as error:
            self._exchange.answer(_refusal(header, self._worded(counted, error)))
        if counted != FLUSH:
            self._exchange.done.append(counted)

    def _worded(self, operation: int, error: StorageError | OSError) -> StorageError:
        if isinstance(error, OutOfRange | ReadOnlyVolume | BadRequest):
            return error
        is_full = self._exchange.has_failed(operation, error)
        if isinstance(error, StorageError):
            return error
        return (NoSpace if is_full else StorageUnavailable)(f"{self._volume.name}: {error}")

    def _read(self, header: Header, _data: memoryview) -> None:
        if header.size > MAX_IO_BYTES:
            raise OutOfRange(f"{header.size} bytes; {MAX_IO_BYTES} at a time")
        if self._exchange.limiter.is_set:
            self._exchange.admit(header.size)
        head = pack(REPLY, op.READ, header.serial, data_bytes=header.size)
        self._exchange.read(head, header.offset, header.size)

    def _write(self, header: Header, data: memoryview) -> None:
        if len(data) > MAX_IO_BYTES:
            raise OutOfRange(f"{len(data)} bytes; {MAX_IO_BYTES} at a time")
        self._exchange.counts.bytes[WRITE] += len(data)
        if self._exchange.limiter.is_set:
            self._exchange.admit(len(data))
        self._volume.write(header.offset, data)
        self._changed(header)

    def _discard(self, header: Header, _data: memoryview) -> None:
        if self._exchange.limiter.is_set:
            self._exchange.admit(0)
        self._volume.zero(header.offset, header.size, is_hint=True)
        self._changed(header)

    def _write_zeroes(self, header: Header, _data: memoryview) -> None:
        if self._exchange.limiter.is_set:
            self._exchange.admit(0)
        self._volume.zero(header.offset, header.size)
        self._changed(header)

    def _changed(self, header: Header) -> None:
        if header.flags & op.FLAG_FUA:
            self._flush(header, memoryview(b""))
        else:
            self._exchange.answer(pack(REPLY, header.operation, header.serial))

    def _flush(self, header: Header, _data: memoryview) -> None:
        def answer(is_done: bool) -> bytes:
            if is_done:
                return pack(REPLY, header.operation, header.serial)
            return self._not_flushed(header)

        self._exchange.flush(answer)

    def _unflushed(self, requests: bytes) -> bytes:
        """
        Answers to requests that are no more than headers.
        """
        places = range(0, len(requests), HEADER_BYTES)
        return b"".join(self._not_flushed(parse(requests, at)) for at in places)

    def _not_flushed(self, header: Header) -> bytes:
        name = self._volume.name
        return _refusal(header, StorageUnavailable(f"{name}: it is not on stable storage"))

    def _info(self, header: Header, _data: memoryview) -> None:
        flags = op.FLAG_READ_ONLY if self._volume.is_read_only else 0
        size = self._volume.size_bytes
        self._exchange.answer(pack(REPLY, op.INFO, header.serial, flags=flags, size=size))

    def _close(self, header: Header, _data: memoryview) -> None:
        self._exchange.settle()
        self._exchange.answer(pack(REPLY, op.CLOSE, header.serial))
        raise Gone

    def _upcoming(self) -> Iterator[tuple[int, int]]:
        inbox = self._exchange.inbox
        at = inbox.start
        while inbox.end - at >= HEADER_BYTES:
            try:
                header = parse(inbox.view, at)
            except BadFrame:
                return
            at += HEADER_BYTES + header.target_bytes + header.data_bytes
            if header.operation == op.READ and header.size <= MAX_IO_BYTES:
                yield header.offset, header.size


def _refusal(header: Header, error: StorageError) -> bytes:
    text = str(error).encode()[:1000]
    head = pack(REPLY, header.operation, header.serial, status=error.status, data_bytes=len(text))
    return head + text
