"""
What a volume may hold: for each block the writes that were sent, acknowledged and flushed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from tests.chaos.blocks import FAILED, WRITE, Block, Moment, Op, moments
from tests.chaos.stamps import WHOLE, ZEROS, Vector, tag

WHOLE_BLOCKS = 16  # docs/storage.md: a write of up to 64 KiB is in a snapshot or not


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
                index: list(moments(block, start_s, end_s)) for index, block in self.blocks.items()
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
