"""
Whether what a volume holds is what it may hold.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from itertools import chain

from tests.chaos.model import Block, Disk, Moment
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
    if not wrong and disk.frozen and not _has_one_moment(disk, found, loss):
        wrong.append(f"{disk.name}: no single moment explains the snapshot")
    if not wrong and (halves := _half_done(disk, found, loss)):
        wrong.append(f"{disk.name}: the snapshot has only a part of requests {halves[:5]}")
    return wrong


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


def _has_one_moment(disk: Disk, found: dict[int, Vector], loss: Loss) -> bool:
    """
    Whether at some instant all blocks held what the snapshot holds.
    """
    edges: list[tuple[float, int]] = []
    needed = 0
    for index, moments in _certain(disk, loss):
        held = found.get(index, ZEROS)
        needed += 1
        for start_s, end_s in _merged([each for each in moments if held in each.vectors]):
            edges += [(start_s, -1), (end_s, 1)]
    depth = deepest = 0
    for _, step in sorted(edges):  # starts come before ends of the same instant
        depth -= step
        deepest = max(deepest, depth)
    return deepest >= needed


def _half_done(disk: Disk, found: dict[int, Vector], loss: Loss) -> list[int]:
    """
    Requests of which a snapshot has some blocks and lacks others.
    """
    there: set[int] = set()
    missing: set[int] = set()
    for index, moments in _certain(disk, loss):
        held = found.get(index, ZEROS)
        matching = [number for number, each in enumerate(moments) if held in each.vectors]
        there.update(each.request for each in moments[: matching[0] + 1])
        missing.update(each.request for each in moments[matching[-1] + 1 :])
    return sorted(there & missing - {0})


def _certain(disk: Disk, loss: Loss) -> Iterator[tuple[int, list[Moment]]]:
    """
    Blocks of a snapshot of which it is known what they held when: no request failed, nor was torn
    by a death.
    """
    may_be_torn = loss is not Loss.NOTHING
    for index, moments in disk.frozen.items():
        is_torn = may_be_torn and any(each.is_open for each in moments)
        if not is_torn and not disk.blocks[index].has_failed:
            yield index, moments


def _merged(moments: list[Moment]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    for each in sorted(moments, key=lambda one: one.earliest_s):
        if spans and each.earliest_s <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], each.latest_s))
        else:
            spans.append((each.earliest_s, each.latest_s))
    return spans
