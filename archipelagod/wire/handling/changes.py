"""
Changes of volumes as a whole.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.arguments import decode_limits, decode_name
from archipelagod.wire.handling.call import DONE, Answer, Call, Handler, without_data


async def _create(call: Call) -> Answer:
    frame = without_data(call.frame)
    await call.volumes.create(frame.target, frame.size)
    return DONE


async def _clone(call: Call) -> Answer:
    frame = call.frame
    size = None if frame.flags & op.FLAG_SAME_SIZE else frame.size
    await call.volumes.clone(frame.target, decode_name(frame.data), size)
    return DONE


async def _snapshot(call: Call) -> Answer:
    await call.volumes.snapshot(call.frame.target, decode_name(call.frame.data))
    return DONE


async def _seal(call: Call) -> Answer:
    await call.volumes.seal(without_data(call.frame).target)
    return DONE


async def _rename(call: Call) -> Answer:
    await call.volumes.rename(call.frame.target, decode_name(call.frame.data))
    return DONE


async def _resize(call: Call) -> Answer:
    frame = without_data(call.frame)
    await call.volumes.resize(frame.target, frame.size)
    return DONE


async def _delete(call: Call) -> Answer:
    await call.volumes.delete(without_data(call.frame).target)
    return DONE


async def _rollback(call: Call) -> Answer:
    await call.volumes.rollback(call.frame.target, decode_name(call.frame.data))
    return DONE


async def _protect(call: Call) -> Answer:
    frame = without_data(call.frame)
    await call.volumes.protect(frame.target, not frame.flags & op.FLAG_OFF)
    return DONE


async def _flatten(call: Call) -> Answer:
    await call.volumes.flatten(without_data(call.frame).target, call.progress)
    return DONE


async def _copy(call: Call) -> Answer:
    name = decode_name(call.frame.data)
    await call.volumes.copy(call.frame.target, name, call.progress)
    return DONE


async def _limits(call: Call) -> Answer:
    await call.volumes.set_limits(call.frame.target, decode_limits(call.frame.data))
    return DONE


HANDLERS: dict[int, Handler] = {
    op.CREATE: _create,
    op.CLONE: _clone,
    op.SNAPSHOT: _snapshot,
    op.SEAL: _seal,
    op.RENAME: _rename,
    op.RESIZE: _resize,
    op.DELETE: _delete,
    op.ROLLBACK: _rollback,
    op.PROTECT: _protect,
    op.FLATTEN: _flatten,
    op.COPY: _copy,
    op.LIMITS: _limits,
}
