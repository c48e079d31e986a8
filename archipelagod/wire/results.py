"""
What replies of the block protocol say, for every client.

Functions raise StorageUnavailable when the server broke the protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from archipelagod.volume.information import VolumeInfo
from archipelagod.wire import arguments
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS, StorageError, StorageUnavailable
from archipelagod.wire.frames import Frame
from archipelagod.wire.values import BadExtents, Extent, parse_extents

T = TypeVar("T")


def refusal(reply: Frame) -> StorageError | None:
    """
    The error that a reply tells, or None.
    """
    if not reply.status:
        return None
    kind = BY_STATUS.get(reply.status, StorageError)
    return kind(reply.data.decode("utf-8", "replace"))


def _decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, BadExtents) as error:
        raise StorageUnavailable(f"the server broke the protocol: {error}") from error


def exactly(reply: Frame, size: int, volume: str) -> bytes:
    """
    The data, which must be ``size`` bytes.
    """
    if len(reply.data) != size:
        raise StorageUnavailable(f"{volume}: {len(reply.data)} of {size} bytes came")
    return reply.data


def info(reply: Frame) -> VolumeInfo:
    """
    Of INFO.
    """
    return _decoded(arguments.decode_info, reply.data)


def infos(reply: Frame) -> list[VolumeInfo]:
    """
    Of LIST.
    """
    return _decoded(arguments.decode_infos, reply.data)


def figures(reply: Frame) -> dict[str, Any]:
    """
    Of STATISTICS, GC and SCRUB.
    """
    return _decoded(arguments.decode_figures, reply.data)


def extents(reply: Frame, since: int) -> tuple[list[Extent], int | None]:
    """
    Of MAPR, MAPW and DIFF from ``since`` on: a part, and where the next begins, if there is one.
    """
    found = _decoded(parse_extents, reply.data)
    if not reply.flags & op.FLAG_MORE:
        return found, None
    if reply.offset <= since:
        raise StorageUnavailable("the server broke the protocol: a part that ends before its start")
    return found, reply.offset


async def all_extents(
    ask: Callable[[int, int], Awaitable[Frame]], offset: int, size: int
) -> list[Extent]:
    """
    All parts of a MAPR or MAPW; ``ask`` is called with where a part begins, and what is left.
    """
    found: list[Extent] = []
    at: int | None = offset
    while at is not None:
        part, at = extents(await ask(at, offset + size - at), at)
        found += part
    return found


def hashes(reply: Frame) -> list[str]:
    """
    Of HAVE_BLOCKS.
    """
    if len(reply.data) % op.HASH_BYTES:
        raise StorageUnavailable("the server broke the protocol: not whole hashes")
    return arguments.split_hashes(reply.data)


def hash_of(reply: Frame) -> str:
    """
    Of HASH and PUT_BLOCK.
    """
    if len(reply.data) != op.HASH_BYTES:
        raise StorageUnavailable("the server broke the protocol: not a hash")
    return reply.data.hex()
