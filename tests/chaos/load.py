"""
A guest that writes: one NBD connection with many requests on the way.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from archipelagod.nbd import numbers as n
from tests.chaos.blocks import TRIM, WRITE, ZERO, Block, Op
from tests.chaos.daemon import Daemon
from tests.chaos.data_connection import DataConnection
from tests.chaos.model import Disk
from tests.chaos.nbd_connection import NbdConnection, Refused, Reply
from tests.chaos.stamps import BLOCK, SECTOR, SECTORS, WHOLE, ZEROS, sector, stamp, vector
from tests.chaos.world import World

OBJECT_BLOCKS = 1024
DEPTH = 12
PATIENCE_S = 30.0

Connection = NbdConnection | DataConnection


class Load(threading.Thread):
    """
    Writes until told to stop or the server dies.  ``failure``: what should not have been.

    limit: of the volume, bytes that are used; beyond it the volume may be cut meanwhile.
    """

    def __init__(
        self, world: World, disk: Disk, connection: Connection, seed: int, limit: int
    ) -> None:
        super().__init__(daemon=True)
        self.failure: BaseException | None = None
        self.is_stopped = False
        self.errors = 0  # requests that were answered with an error
        self.flushes = 0
        self._world = world
        self._disk = disk
        self._connection = connection
        self._chance = random.Random(seed)
        self._blocks = limit // BLOCK
        self._pending: dict[int, Callable[[Reply], None]] = {}
        self._kinds = [self._write] * 8 + [self._write_sectors] * 3
        self._kinds += [self._zero, self._trim, self._flush, self._flush, self._read]
        self._depth = self._chance.choice([1, 4, DEPTH])

    def run(self) -> None:
        """See Thread."""
        try:
            while not self.is_stopped or self._pending:
                if not self.is_stopped and len(self._pending) < self._depth:
                    self._chance.choice(self._kinds)()
                if self._pending and (self.is_stopped or len(self._pending) >= self._depth):
                    reply = self._connection.receive()
                    self._pending.pop(reply.cookie)(reply)
            self._connection.leave()
        except OSError:
            self._connection.close()
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins us
            self.failure = error

    def _some_blocks(self, most: int) -> range | None:
        """
        Blocks for one request, near the bounds of objects for the most part; None if they are busy.
        """
        count = self._chance.choice([1, 1, 1, 2, 5, 8, most])
        if self._chance.random() < 0.7:
            bound = self._chance.randrange(-(-self._blocks // OBJECT_BLOCKS) + 1) * OBJECT_BLOCKS
            first = bound + self._chance.randrange(-24, 24)
        else:
            first = self._chance.randrange(self._blocks)
        first = min(max(first, 0), self._blocks - 1)
        blocks = range(first, min(first + count, self._blocks))
        return blocks if self._disk.claim(blocks) else None

    def _send(
        self,
        command: int,
        blocks: range,
        ops: list[Op],
        data: bytes = b"",
        first: int = 0,
        size: int = 0,
    ) -> None:
        """
        Sends a change of ``blocks`` (of ``size`` bytes, from sector ``first`` on).
        """
        is_safe = self._chance.random() < 0.06
        flags = n.CMD_FLAG_FUA if is_safe else 0
        offset = blocks.start * BLOCK + first * SECTOR
        cookie = self._connection.send(command, offset, size or len(blocks) * BLOCK, data, flags)

        def answered(reply: Reply) -> None:
            if reply.error:
                self.errors += 1
                self._disk.failed(ops)
            else:
                self._disk.acknowledge(ops, is_flushed=is_safe)
            self._disk.release(blocks)

        self._pending[cookie] = answered

    def _write(self) -> None:
        blocks = self._some_blocks(self._chance.choice([16, 16, 16, 300]))
        if blocks is not None:
            value, ops = self._disk.begin(WRITE, blocks)
            data = b"".join(stamp(value, block) for block in blocks)
            self._send(n.CMD_WRITE, blocks, ops, data)
            self._world.count("write")

    def _write_sectors(self) -> None:
        blocks = self._some_blocks(1)
        if blocks is None:
            return
        if len(blocks) > 1:
            self._disk.release(blocks)
            return
        first = self._chance.randrange(SECTORS)
        last = self._chance.randrange(first, SECTORS)
        mask = sum(1 << number for number in range(first, last + 1)) & WHOLE
        value, ops = self._disk.begin(WRITE, blocks, mask)
        data = b"".join(sector(value, blocks.start, number) for number in range(first, last + 1))
        self._send(n.CMD_WRITE, blocks, ops, data, first, len(data))
        self._world.count("sector write")

    def _zero(self) -> None:
        blocks = self._some_blocks(self._chance.choice([40, 1024, 2048]))
        if blocks is not None:
            self._send(n.CMD_WRITE_ZEROES, blocks, self._disk.begin(ZERO, blocks)[1])
            self._world.count("zero")

    def _trim(self) -> None:
        blocks = self._some_blocks(self._chance.choice([40, 1024, 2048]))
        if blocks is not None:
            self._send(n.CMD_TRIM, blocks, self._disk.begin(TRIM, blocks)[1])
            self._world.count("trim")

    def _flush(self) -> None:
        safe = self._disk.flushing()
        cookie = self._connection.send(n.CMD_FLUSH, 0, 0)

        def answered(reply: Reply) -> None:
            if reply.error:
                self.errors += 1
                return
            self.flushes += 1
            self._disk.flushed(safe)
            self._world.count("flush")

        self._pending[cookie] = answered

    def _read(self) -> None:
        blocks = self._some_blocks(16)  # nobody changes them meanwhile
        if blocks is None:
            return
        cookie = self._connection.send(n.CMD_READ, blocks.start * BLOCK, len(blocks) * BLOCK)

        def answered(reply: Reply) -> None:
            if reply.error:
                self.errors += 1
            else:
                self._compare(blocks, reply.data)
            self._disk.release(blocks)

        self._pending[cookie] = answered

    def _compare(self, blocks: range, data: bytes) -> None:
        for number, index in enumerate(blocks):
            held = vector(data[number * BLOCK : (number + 1) * BLOCK], index)
            with self._disk.lock:
                block = self._disk.blocks.get(index) or Block(frozenset((ZEROS,)))
                is_right = block.may_hold(held, block.acked)
            assert is_right, f"{self._disk.name} block {index}: {held}"
        self._world.count("read")


def attached(daemon: Daemon, name: str, *, is_block: bool = False) -> Connection:
    """
    A connection (over NBD or the block protocol), once the daemon lets us have the volume: the last
    client may still be going.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            if is_block:
                return DataConnection(daemon.wire, daemon.secret_file, name)
            return NbdConnection(daemon.nbd, name)
        except Refused:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)
