"""
Requests of the block protocol as frames, for every client; serials are given when they are sent.

Functions are named as BlockClient's methods.  They raise OutOfRange for numbers, and BadRequest for
names, that no volume can have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from archipelagod.wire import operations as op
from archipelagod.wire.arguments import Differing, Listing, join_hashes
from archipelagod.wire.errors import BadRequest, OutOfRange
from archipelagod.wire.frames import MAX_IO_BYTES, REQUEST, Frame
from archipelagod.wire.framing import MAX_TARGET
from archipelagod.wire.values import Limits


def request(
    operation: int,
    volume: str = "",
    *,
    offset: int = 0,
    size: int = 0,
    data: bytes = b"",
    flags: int = 0,
) -> Frame:
    """
    Any request.
    """
    if len(_encoded(volume)) > MAX_TARGET:
        raise BadRequest(f"{volume[:130]!r} can't be the name of a volume")
    return Frame(
        REQUEST,
        operation,
        flags=flags,
        target=volume,
        offset=_natural(offset),
        size=_natural(size),
        data=data,
    )


def _encoded(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{name[:130]!r} can't be the name of a volume") from None


def _natural(number: int) -> int:
    if not 0 <= number < 1 << 63:
        raise OutOfRange(f"{number} is not an offset or size")
    return number


def _with_name(operation: int, volume: str, name: str, flags: int = 0) -> Frame:
    return request(operation, volume, data=_encoded(name), flags=flags)


def clone(origin: str, volume: str, size_bytes: int | None) -> Frame:
    flags = op.FLAG_SAME_SIZE if size_bytes is None else 0
    return request(op.CLONE, origin, size=size_bytes or 0, data=_encoded(volume), flags=flags)


def snapshot(volume: str, name: str) -> Frame:
    return _with_name(op.SNAPSHOT, volume, name)


def rename(volume: str, name: str) -> Frame:
    return _with_name(op.RENAME, volume, name)


def rollback(volume: str, snapshot: str) -> Frame:
    return _with_name(op.ROLLBACK, volume, snapshot)


def copy(volume: str, name: str) -> Frame:
    return _with_name(op.COPY, volume, name, op.FLAG_PROGRESS)


def protect(volume: str, on: bool) -> Frame:
    return request(op.PROTECT, volume, flags=0 if on else op.FLAG_OFF)


def listing(marker: str, limit: int, prefix: str) -> Frame:
    return request(op.LIST, data=msgspec.json.encode(Listing(marker, prefix, limit)))


def set_limits(volume: str, limits: Limits) -> Frame:
    return request(op.LIMITS, volume, data=msgspec.json.encode(limits._asdict()))


def write(volume: str, offset: int, data: bytes, fua: bool) -> Frame:
    checked_io(len(data))
    return request(op.WRITE, volume, offset=offset, data=data, flags=_fua(fua))


def zero(operation: int, volume: str, offset: int, size: int, fua: bool) -> Frame:
    """
    DISCARD or WRITE_ZEROES.
    """
    return request(operation, volume, offset=offset, size=size, flags=_fua(fua))


def _fua(fua: bool) -> int:
    return op.FLAG_FUA if fua else 0


def checked_io(size: int) -> int:
    """
    ``size``, if that much may be read or written at a time.
    """
    if size > MAX_IO_BYTES:
        raise OutOfRange(f"{size} bytes; {MAX_IO_BYTES} at a time")
    return size


def diff(older: str | None, volume: str, offset: int, limit: int) -> Frame:
    data = msgspec.json.encode(Differing(older))
    return request(op.DIFF, volume, offset=offset, size=limit, data=data)


def put_block(data: bytes) -> Frame:
    checked_io(len(data))
    return request(op.PUT_BLOCK, data=data)


def get_block(key: str) -> Frame:
    return request(op.GET_BLOCK, data=join_hashes([key]))


def have_blocks(keys: Sequence[str]) -> Iterator[Frame]:
    """
    As many requests as are needed.
    """
    for at in range(0, len(keys), op.MAX_HASHES):
        yield request(op.HAVE_BLOCKS, data=join_hashes(keys[at : at + op.MAX_HASHES]))


def create_from_hashes(
    volume: str, size_bytes: int, keys: Sequence[str], read_only: bool
) -> Iterator[Frame]:
    """
    As many requests as are needed, to be sent in this order.
    """
    if len(keys) > op.MAX_VOLUME_HASHES:
        raise OutOfRange(f"{len(keys)} hashes; {op.MAX_VOLUME_HASHES} at most")
    last = op.FLAG_READ_ONLY if read_only else 0
    pieces = range(0, max(len(keys), 1), op.MAX_HASHES)
    for at in pieces:
        hashes = join_hashes(keys[at : at + op.MAX_HASHES])
        flags = last if at == pieces[-1] else op.FLAG_MORE
        yield request(
            op.CREATE_FROM_HASHES, volume, offset=at, size=size_bytes, data=hashes, flags=flags
        )


def opening(volume: str, owner: int) -> Frame:
    return request(op.OPEN, volume, offset=owner)
