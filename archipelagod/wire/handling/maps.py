"""
What a volume consists of, and how it differs from another.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.arguments import decode_older, join_hashes
from archipelagod.wire.handling.call import Answer, Call, Handler, without_data
from archipelagod.wire.values import Extent, pack_extents


async def _hash(call: Call) -> Answer:
    frame = without_data(call.frame)
    return Answer(join_hashes([await call.volumes.hash(frame.target, call.progress)]))


async def _map(call: Call) -> Answer:
    """
    The first MAX_EXTENTS of the first MAX_MAP_BYTES; the reply says where to go on.
    """
    frame = without_data(call.frame)
    ask = call.volumes.mapw if frame.operation == op.MAPW else call.volumes.mapr
    size = min(frame.size, op.MAX_MAP_BYTES)
    found = await ask(frame.target, frame.offset, size)
    end = frame.offset + size
    if len(found) > op.MAX_EXTENTS:
        found = found[: op.MAX_EXTENTS]
        end = found[-1].offset + found[-1].size
    return _extents(found, end if end < frame.offset + frame.size else None)


async def _diff(call: Call) -> Answer:
    frame = call.frame
    limit = min(frame.size or op.MAX_EXTENTS, op.MAX_EXTENTS)
    older = decode_older(frame.data)
    return _extents(*await call.volumes.diff(older, frame.target, frame.offset, limit))


def _extents(found: list[Extent], goes_on: int | None) -> Answer:
    data = pack_extents(found)
    if goes_on is None:
        return Answer(data)
    return Answer(data, offset=goes_on, flags=op.FLAG_MORE)


HANDLERS: dict[int, Handler] = {
    op.HASH: _hash,
    op.MAPR: _map,
    op.MAPW: _map,
    op.DIFF: _diff,
}
