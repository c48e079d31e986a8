"""
Reading and writing through the daemon: for small use; see OPEN for the fast way.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.handling.call import DONE, Answer, Call, Handler, checked_io, without_data


async def _read(call: Call) -> Answer:
    frame = without_data(call.frame)
    data = await call.volumes.read(frame.target, frame.offset, checked_io(frame.size))
    return Answer(data)


async def _write(call: Call) -> Answer:
    frame = call.frame
    checked_io(len(frame.data))
    fua = bool(frame.flags & op.FLAG_FUA)
    await call.volumes.write(frame.target, frame.offset, frame.data, fua=fua)
    return DONE


async def _flush(call: Call) -> Answer:
    await call.volumes.flush(without_data(call.frame).target)
    return DONE


async def _zero(call: Call) -> Answer:
    frame = without_data(call.frame)
    is_hint = frame.operation == op.DISCARD
    await call.volumes.zero(frame.target, frame.offset, frame.size, is_hint=is_hint)
    if frame.flags & op.FLAG_FUA:
        await call.volumes.flush(frame.target)
    return DONE


HANDLERS: dict[int, Handler] = {
    op.READ: _read,
    op.WRITE: _write,
    op.FLUSH: _flush,
    op.DISCARD: _zero,
    op.WRITE_ZEROES: _zero,
}
