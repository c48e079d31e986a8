"""
Whether what a volume holds is what it may hold.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from itertools import chain

from tests.chaos.blocks import Block
from tests.chaos.model import Disk
from tests.chaos.one_moment import cases, half_done, no_moment
from tests.chaos.stamps import BLOCK, ZEROS, BadStamp, Vector, told, vector


class Loss(enum.Enum):
    """
    What may be missing.  NOTHING that was acknowledged.  WHOLENESS: what was not acknowledged may
    be torn between sectors.  UNFLUSHED: only what was flushed has to be there, the rest as above.
    """

    NOTHING = 1
    WHOLENESS = 2
    UNFLUSHED = 3


Reader = Callable[[int, int], bytes]  # offset, size
READ_BYTES = 1 << 20


def content(read: Reader, size_bytes: int) -> tuple[dict[int, Vector], list[str]]:
    """
    Every block that is not zeros, and complaints about those that are no stamps.
    """
    found: dict[int, Vector] = {}
    bad: list[str] = []
    for offset in range(0, size_bytes, READ_BYTES):
        data = memoryview(read(offset, min(READ_BYTES, size_bytes - offset)))
        for start in range(0, len(data), BLOCK):
            index = (offset + start) // BLOCK
            try:
                held = vector(data[start : start + BLOCK], index)
            except BadStamp as error:
                bad.append(str(error))
                continue
            if held != ZEROS:
                found[index] = held
    return found, bad


def complaints(disk: Disk, found: dict[int, Vector], loss: Loss = Loss.NOTHING) -> list[str]:
    """
    What is wrong with a volume that holds ``found``.
    """
    wrong = []
    for index in set(disk.blocks) | set(found):
        block = disk.blocks.get(index) or Block(frozenset((ZEROS,)))
        held = found.get(index, ZEROS)
        first = block.flushed if loss is Loss.UNFLUSHED else block.acked
        if not block.may_hold(held, first, is_torn=loss is not Loss.NOTHING):
            wrong.append(_wrong(disk, index, block, held))
    return wrong or _wrong_snapshot(disk, found, loss)


def _wrong_snapshot(disk: Disk, found: dict[int, Vector], loss: Loss) -> list[str]:
    certain = list(cases(disk, found, may_be_torn=loss is not Loss.NOTHING))
    if text := no_moment(disk, certain):
        return [text]
    if halves := half_done(certain):
        return [f"{disk.name}: the snapshot has only a part of requests {halves[:5]}"]
    return []


def _wrong(disk: Disk, index: int, block: Block, held: Vector) -> str:
    known = {value for vector in chain(*block.states()) for value in vector}
    strange = [value for value in held if value and value not in known]
    if strange and strange[0] >> 32 != disk.number:
        kind = "another volume's data"
    elif strange:
        kind = "data from before"
    elif len(set(held)) > 1:
        kind = "torn, or too old in part"
    else:
        kind = "too old"
    ops = ", ".join(
        f"{op.kind} {told(op.value)} mask {op.mask:02x}" + ("" if op.acked_s < 1e30 else " (open)")
        for op in block.ops[-6:]
    )
    base = " or ".join(told(vector[0]) for vector in list(block.base)[:3])
    return (
        f"{disk.name} (volume {disk.number}) block {index}: {kind}: "
        f"{'; '.join(told(value) for value in dict.fromkeys(held))}; may hold {base}, then {ops}; "
        f"{block.acked} of {len(block.ops)} acknowledged, {block.flushed} flushed"
    )
