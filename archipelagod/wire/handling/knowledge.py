"""
What is told of volumes and of the daemon, and who holds a volume.
"""

from __future__ import annotations

import msgspec

from archipelagod.wire import operations as op
from archipelagod.wire.arguments import decode_listing
from archipelagod.wire.errors import StorageError
from archipelagod.wire.framing import MAX_DATA
from archipelagod.wire.handling.call import DONE, Answer, Call, Handler, without_data


async def _info(call: Call) -> Answer:
    return Answer(msgspec.json.encode(await call.volumes.info(without_data(call.frame).target)))


async def _list(call: Call) -> Answer:
    wanted = decode_listing(call.frame.data)
    limit = min(max(wanted.limit, 0), op.MAX_LISTED)
    return Answer(msgspec.json.encode(await call.volumes.list(wanted.marker, limit, wanted.prefix)))


async def _statistics(call: Call) -> Answer:
    return figures(await call.volumes.statistics())


def figures(found: dict[str, object]) -> Answer:
    """
    Figures as JSON.  Raises StorageError when they don't fit a frame.
    """
    data = msgspec.json.encode(found)
    if len(data) > MAX_DATA:
        raise StorageError("more figures than fit a frame")
    return Answer(data)


async def _acquire(call: Call) -> Answer:
    await call.holdings.acquire(without_data(call.frame).target)
    return DONE


async def _release(call: Call) -> Answer:
    await call.holdings.release(without_data(call.frame).target)
    return DONE


async def _allow_handover(call: Call) -> Answer:
    await call.volumes.allow_handover(without_data(call.frame).target)
    return DONE


async def _hand_over(call: Call) -> Answer:
    await call.volumes.hand_over(without_data(call.frame).target)
    return DONE


HANDLERS: dict[int, Handler] = {
    op.INFO: _info,
    op.LIST: _list,
    op.STATISTICS: _statistics,
    op.ACQUIRE: _acquire,
    op.RELEASE: _release,
    op.ALLOW_HANDOVER: _allow_handover,
    op.HAND_OVER: _hand_over,
}
