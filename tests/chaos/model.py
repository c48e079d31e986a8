"""
What a volume may hold: for each block the writes that were sent, acknowledged and flushed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from tests.chaos.stamps import WHOLE, ZEROS, Vector, tag

FOREVER = float("inf")
WRITE, ZERO, TRIM = "write", "zero", "trim"
FAILED = "failed"  # answered with an error: it may have happened or not


WHOLE_BLOCKS = 16  # docs/storage.md: a write of up to 64 KiB is in a snapshot or not


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


class Disk:
    """
    A volume.  Any thread may call.
    """

    def __init__(self, name: str, number: int, size_bytes: int) -> None:
        self.name = name
        self.number = number
        self.size_bytes = size_bytes
        self.is_read_only = False
        self.family = number  # snapshots and clones have their origin's
        self.blocks: dict[int, Block] = {}
        self.frozen: dict[int, list[Moment]] = {}  # of a snapshot that was not looked at yet
        self.asked_s = self.there_s = 0.0  # when that was asked for, and there
        self.lock = threading.Lock()
        self.busy: set[int] = set()  # blocks with a request on the way
        self._writes = 0

    def block(self, index: int) -> Block:
        """
        A block; one that was never written holds zeros.
        """
        return self.blocks.get(index) or self.blocks.setdefault(index, Block(frozenset((ZEROS,))))

    def begin(self, kind: str, blocks: Iterable[int], mask: int = WHOLE) -> tuple[int, list[Op]]:
        """
        A request is about to be sent: its tag, and an op for each block.
        """
        with self.lock:
            self._writes += 1
            value = tag(self.number, self._writes) if kind == WRITE else 0
            ops = []
            indices = list(blocks)
            is_whole = kind != WRITE or len(indices) <= WHOLE_BLOCKS
            for index in indices:
                op = Op(kind, index, value, mask, self._writes if is_whole else 0)
                self.block(index).ops.append(op)
                ops.append(op)
            return value, ops

    def acknowledge(self, ops: list[Op], *, is_flushed: bool = False) -> None:
        """
        The request was done.
        """
        with self.lock:
            now_s = time.monotonic()
            for op in ops:
                op.acked_s = now_s
            if is_flushed:
                for block in self._blocks_of(ops):
                    block.flushed = block.acked

    def failed(self, ops: list[Op]) -> None:
        """
        The request was answered with an error: it may have happened or not, block by block.
        """
        self.acknowledge(ops)
        for op in ops:
            op.kind = FAILED

    def withdraw(self, ops: list[Op]) -> None:
        """
        The request was refused: nothing happened.
        """
        with self.lock:
            for block in self._blocks_of(ops):
                block.ops.pop()

    def _blocks_of(self, ops: list[Op]) -> list[Block]:
        return [self.blocks[op.block] for op in ops]

    def copy(self) -> Disk:
        """
        A volume of the same content, name and number; blocks are shared until either is settled.
        """
        made = Disk(self.name, self.number, self.size_bytes)
        with self.lock:
            made.is_read_only = self.is_read_only
            made.family = self.family
            made.blocks = dict(self.blocks)
            made.frozen = self.frozen
            made.asked_s, made.there_s = self.asked_s, self.there_s
            made._writes = self._writes
        return made

    def claim(self, blocks: range) -> bool:
        """
        Whether nobody has a request on the way to these blocks; then they are ours.
        """
        with self.lock:
            if not self.busy.isdisjoint(blocks):
                return False
            self.busy.update(blocks)
            return True

    def release(self, blocks: range) -> None:
        """
        The request was answered.
        """
        with self.lock:
            self.busy.difference_update(blocks)

    def flushing(self) -> dict[int, int]:
        """
        What a flush that is sent now has to make safe.
        """
        with self.lock:
            return {index: block.acked for index, block in self.blocks.items() if block.ops}

    def flushed(self, safe: dict[int, int]) -> None:
        """
        The flush was acknowledged.
        """
        with self.lock:
            for index, count in safe.items():
                block = self.blocks.get(index)
                if block is not None:
                    block.flushed = max(block.flushed, count)

    def moments(self, start_s: float, end_s: float) -> dict[int, list[Moment]]:
        """
        What a snapshot asked for at ``start_s`` and there at ``end_s`` may hold, by block.
        """
        with self.lock:
            return {
                index: list(_moments(block, start_s, end_s)) for index, block in self.blocks.items()
            }

    def settle(self, found: dict[int, Vector]) -> None:
        """
        The content is known: what is not in ``found`` is zeros.  What a failed request changed may
        be seen only when the volume is opened next, however often it was looked at before.
        """
        with self.lock:
            bases = {index: frozenset((held,)) for index, held in found.items()}
            for index, block in self.blocks.items():
                if block.has_failed:
                    base = bases.get(index, frozenset((ZEROS,)))
                    bases[index] = base | block.possible(block.acked)
            self.blocks = {
                index: Block(base, is_doubtful=len(base) > 1) for index, base in bases.items()
            }
            self.frozen = {}
            self.busy.clear()

    def cut(self, size_bytes: int, block_bytes: int = 4096) -> None:
        """
        The volume has another size: what is beyond is gone.
        """
        with self.lock:
            self.size_bytes = size_bytes
            for index in [at for at in self.blocks if at * block_bytes >= size_bytes]:
                del self.blocks[index]


def _moments(block: Block, start_s: float, end_s: float) -> Iterator[Moment]:
    doubts = block.doubts()
    for (count, vectors), is_doubtful in zip(enumerate(block.states()), doubts, strict=True):
        op = block.ops[count - 1] if count else None
        earliest_s = op.sent_s if op is not None else 0.0
        latest_s = block.ops[count].acked_s if count < len(block.ops) else FOREVER
        if earliest_s <= end_s and latest_s >= start_s:
            span = max(earliest_s, start_s), min(latest_s, end_s)
            yield Moment(vectors, op, *span, is_doubtful=is_doubtful)
