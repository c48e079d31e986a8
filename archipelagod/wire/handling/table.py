"""
Which handler answers which operation, and which feature it needs.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest
from archipelagod.wire.frames import Frame
from archipelagod.wire.framing import MAX_IO_BYTES
from archipelagod.wire.handling import blocks, changes, data, knowledge, maps, upkeep
from archipelagod.wire.handling.call import Handler

HANDLERS: dict[int, Handler] = {
    **data.HANDLERS,
    **knowledge.HANDLERS,
    **changes.HANDLERS,
    **maps.HANDLERS,
    **blocks.HANDLERS,
    **upkeep.HANDLERS,
}
_NEEDS = {
    op.OPEN: op.FEATURE_DATA,
    **dict.fromkeys(blocks.HANDLERS, op.FEATURE_BLOCKS),
}


def is_offered(operation: int, features: int) -> bool:
    """
    Whether the features agreed on have the operation.
    """
    needed = _NEEDS.get(operation, 0)
    return features & needed == needed


def handler_of(operation: int, features: int) -> Handler:
    """
    Raises BadRequest when there is none, or its feature was not agreed on.
    """
    handler = HANDLERS.get(operation)
    if handler is None:
        raise BadRequest(f"operation {operation} is not known")
    if not is_offered(operation, features):
        raise BadRequest(f"the feature of operation {operation} was not agreed on")
    return handler


def cost_bytes(frame: Frame) -> int:
    """
    How much memory a request may need while it is in work.
    """
    answer = 0
    if frame.operation == op.READ:
        answer = min(frame.size, MAX_IO_BYTES)
    elif frame.operation == op.GET_BLOCK:
        answer = MAX_IO_BYTES
    return len(frame.data) + answer
