"""
Content-addressed blocks.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.arguments import checked_hashes, join_hashes, split_hashes
from archipelagod.wire.errors import BadRequest
from archipelagod.wire.handling.call import DONE, Answer, Call, Handler, checked_io


async def _put_block(call: Call) -> Answer:
    checked_io(len(call.frame.data))
    return Answer(join_hashes([await call.volumes.put_block(call.frame.data)]))


async def _get_block(call: Call) -> Answer:
    keys = split_hashes(checked_hashes(call.frame.data, 1))
    if not keys:
        raise BadRequest("the hash is missing")
    return Answer(await call.volumes.get_block(keys[0]))


async def _have_blocks(call: Call) -> Answer:
    keys = split_hashes(checked_hashes(call.frame.data, op.MAX_HASHES))
    return Answer(join_hashes(await call.volumes.have_blocks(keys)))


async def _create_from_hashes(call: Call) -> Answer:
    frame = call.frame
    hashes = checked_hashes(frame.data, op.MAX_HASHES)
    call.holdings.collect(frame.target, frame.offset, hashes)
    if frame.flags & op.FLAG_MORE:
        return DONE
    keys = split_hashes(call.holdings.take_collected(frame.target))
    read_only = bool(frame.flags & op.FLAG_READ_ONLY)
    await call.volumes.create_from_hashes(frame.target, frame.size, keys, read_only)
    return DONE


HANDLERS: dict[int, Handler] = {
    op.PUT_BLOCK: _put_block,
    op.GET_BLOCK: _get_block,
    op.HAVE_BLOCKS: _have_blocks,
    op.CREATE_FROM_HASHES: _create_from_hashes,
}
