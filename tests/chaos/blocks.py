"""
What one block of a volume may hold, and when.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from tests.chaos.stamps import WHOLE, Vector

FOREVER = float("inf")
WRITE, ZERO, TRIM = "write", "zero", "trim"
FAILED = "failed"  # answered with an error: it may have happened or not


class Op:
    """
    One change of (some sectors of) one block.
    """

    __slots__ = ("acked_s", "block", "kind", "mask", "request", "sent_s", "value")

    def __init__(self, kind: str, block: int, value: int, mask: int, request: int = 0) -> None:
        self.request = request  # shared by the ops of one request; 0: its parts may come apart
        self.kind = kind
        self.block = block
        self.value = value
        self.mask = mask
        self.sent_s = time.monotonic()
        self.acked_s = FOREVER

    @property
    def is_certain(self) -> bool:
        """
        Whether it changed the block, if it was answered.  A trim may do nothing.
        """
        return self.kind in (WRITE, ZERO)

    def after(self, before: frozenset[Vector]) -> frozenset[Vector]:
        """
        What the block may hold afterwards.
        """
        changed = frozenset(self._changed(vector) for vector in before)
        return changed if self.is_certain else changed | before

    def _changed(self, before: Vector) -> Vector:
        if self.mask == WHOLE:
            return (self.value,) * len(before)
        return tuple(
            self.value if self.mask >> number & 1 else old for number, old in enumerate(before)
        )


class Block:
    """
    ``base``, then ``ops`` in order: one at a time, so each is sent after the one before was
    acknowledged.

    moments: of a block of a snapshot, where ``base`` comes from.  is_doubtful: a request failed
    that may still be seen.
    """

    __slots__ = ("base", "flushed", "is_doubtful", "moments", "ops")

    def __init__(
        self, base: frozenset[Vector], moments: Sequence[Moment] = (), *, is_doubtful: bool = False
    ) -> None:
        self.base = base
        self.moments = moments
        self.is_doubtful = is_doubtful
        self.ops: list[Op] = []
        self.flushed = 0  # so many ops are on stable storage

    @property
    def acked(self) -> int:
        """
        How many ops were acknowledged.
        """
        found = len(self.ops)
        while found and self.ops[found - 1].acked_s == FOREVER:
            found -= 1
        return found

    def states(self) -> Iterator[frozenset[Vector]]:
        """
        What it may hold after no op, after one, and so on.
        """
        now = self.base
        yield now
        for op in self.ops:
            now = op.after(now)
            yield now

    @property
    def has_failed(self) -> bool:
        """
        Whether a request was answered with an error: then nobody knows when what was there.
        """
        kinds = [op.kind for op in self.ops] + [moment.kind for moment in self.moments]
        return FAILED in kinds or self.is_doubtful or any(each.is_doubtful for each in self.moments)

    def doubts(self) -> Iterator[bool]:
        """
        For each of ``states``, whether a request that failed may still be seen in a part of it.
        """
        is_doubtful = self.is_doubtful or any(each.is_torn for each in self.moments)
        yield is_doubtful
        for op in self.ops:
            if op.kind == FAILED:
                is_doubtful = True
            elif op.is_certain and op.mask == WHOLE:
                is_doubtful = False
            yield is_doubtful

    def copy(self) -> Block:
        """
        The same, for another volume.
        """
        made = Block(self.base, self.moments, is_doubtful=self.is_doubtful)
        made.ops = list(self.ops)
        return made

    def may_hold(self, held: Vector, first: int, *, is_torn: bool = False) -> bool:
        """
        Whether it may hold that when at least the ``first`` ops were done.

        is_torn: sectors may be of different ops, as they may after an error.
        """
        possible = self.possible(first)
        if held in possible:
            return True
        if not is_torn and not self.has_failed:
            return False
        sectors = zip(*possible, strict=True)
        return all(value in found for value, found in zip(held, sectors, strict=True))

    def possible(self, first: int) -> frozenset[Vector]:
        """
        What it may hold when at least the ``first`` ops were done.
        """
        return frozenset().union(*list(self.states())[first:])


class Moment:
    """
    What a block may have held, when, and the op that made it so; None: it was so from the start.

    is_doubtful: it may have a part of an earlier op that failed or was never answered.
    """

    __slots__ = ("earliest_s", "is_doubtful", "latest_s", "op", "vectors")

    def __init__(
        self,
        vectors: frozenset[Vector],
        op: Op | None,
        earliest_s: float,
        latest_s: float,
        *,
        is_doubtful: bool = False,
    ) -> None:
        self.is_doubtful = is_doubtful
        self.vectors = vectors
        self.op = op
        self.earliest_s = earliest_s
        self.latest_s = latest_s

    @property
    def request(self) -> int:
        """
        That of the op; 0: none of which all parts are there or none.
        """
        return self.op.request if self.op is not None else 0

    @property
    def kind(self) -> str:
        """
        That of the op, as it is known by now: it may have failed later.
        """
        return self.op.kind if self.op is not None else ""

    @property
    def is_open(self) -> bool:
        """
        Whether the op was never answered.
        """
        return self.op is not None and self.op.acked_s == FOREVER

    @property
    def is_torn(self) -> bool:
        """
        Whether it may be seen in a part.
        """
        return self.is_doubtful or self.is_open or self.kind == FAILED


def moments(block: Block, start_s: float, end_s: float) -> Iterator[Moment]:
    """
    What a snapshot asked for at ``start_s`` and there at ``end_s`` may have of the block.
    """
    doubts = block.doubts()
    for (count, vectors), is_doubtful in zip(enumerate(block.states()), doubts, strict=True):
        op = block.ops[count - 1] if count else None
        earliest_s = op.sent_s if op is not None else 0.0
        latest_s = block.ops[count].acked_s if count < len(block.ops) else FOREVER
        if earliest_s <= end_s and latest_s >= start_s:
            span = max(earliest_s, start_s), min(latest_s, end_s)
            yield Moment(vectors, op, *span, is_doubtful=is_doubtful)
