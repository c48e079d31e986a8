"""
An image's bytes as a stream, read ahead a little.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from synnefo_tx.errors import BadRequest, RangeUnsatisfiable
from synnefo_tx.image.blocks import IBlocks

PIECE_BYTES = 1024 * 1024
READS_UNDER_WAY = 3
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@frozen
class Span:
    """
    Bytes from `start` up to and without `end`.
    """

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def asked_span(header: str, size: int) -> Span | None:
    """
    What a Range header asks of a file of `size` bytes; None when there is no header.

    Raises BadRequest for several ranges and RangeUnsatisfiable for none that fits.
    """
    if not header:
        return None
    if "," in header:
        raise BadRequest(
            "Requests with multiple ranges are not supported in Glance. You may make multiple "
            "single-range requests instead."
        )
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        raise RangeUnsatisfiable("Invalid Range header.")
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            raise RangeUnsatisfiable("Invalid Range header.")
    if start >= size:
        raise RangeUnsatisfiable(
            "Invalid start position in Range header. Start position MUST be in the inclusive "
            f"range [0, {size - 1}]."
        )
    return Span(start, end)


@define
class Download:
    """
    The bytes of `span`, with at most READS_UNDER_WAY reads begun before their bytes are asked for.
    Raises errors of storage.
    """

    _blocks: IBlocks
    _volume: str
    _span: Span
    _next: int = field(init=False)
    _begun: deque[Deferred[bytes | Exception]] = field(factory=deque, init=False)

    def __attrs_post_init__(self) -> None:
        self._next = self._span.start

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._next < self._span.end and len(self._begun) < READS_UNDER_WAY:
            # Pieces end where pieces of the volume do, so that reads stay within its objects.
            size = min(PIECE_BYTES - self._next % PIECE_BYTES, self._span.end - self._next)
            self._begun.append(Deferred.fromCoroutine(self._read(self._next, size)))
            self._next += size
        if not self._begun:
            raise StopAsyncIteration
        piece = await self._begun.popleft()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def _read(self, offset: int, size: int) -> bytes | Exception:
        # The error is a value: a read that nobody waits for any more must not be a loose failure.
        try:
            return await self._blocks.read(self._volume, offset, size)
        except Exception as error:  # noqa: BLE001
            return error
