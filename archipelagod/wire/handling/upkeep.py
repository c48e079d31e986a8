"""
Upkeep of the whole store.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.handling.call import Answer, Call, Handler, without_data
from archipelagod.wire.handling.knowledge import figures


async def _gc(call: Call) -> Answer:
    without_data(call.frame)
    return figures(await call.volumes.gc(call.progress))


async def _scrub(call: Call) -> Answer:
    without_data(call.frame)
    return figures(await call.volumes.scrub(call.progress))


HANDLERS: dict[int, Handler] = {op.GC: _gc, op.SCRUB: _scrub}
