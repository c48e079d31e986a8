"""
Which loads are measured over NBD, and what each should reach.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.block.fio import Load

KIB, MIB = 1 << 10, 1 << 20
NBDKIT, RAW, QCOW2 = "nbdkit", "qemu-raw", "qemu-qcow2"
BETTER = "better"  # of nbdkit and qemu-raw
FLUSH_EVERY = 16


class Row(NamedTuple):
    """
    A load and its goals: what ours should be to the peer.

    volume: "own" (all its objects are its own) or "clone" (all are shared).
    is_cold: the page cache is dropped before each measurement.
    """

    name: str
    load: Load
    goals: dict[str, float]
    volume: str = "own"
    is_cold: bool = False

    @property
    def is_rate(self) -> bool:
        """Whether requests per second count, not bytes."""
        return self.load.block_bytes < 64 * KIB

    @property
    def unit(self) -> str:
        """Of its values."""
        return "IOPS" if self.is_rate else "MiB/s"


def _rand(kind: str, depth: int, connections: int = 1, flush_every: int = 0) -> Load:
    return Load(f"rand{kind}", 4 * KIB, depth, connections, flush_every)


DEEP = {NBDKIT: 1.3, RAW: 4.0}
ROWS = (  # the cold ones last: they leave the page cache empty
    Row("read-4k-d1", _rand("read", 1), {NBDKIT: 1.0}),
    Row("write-4k-d1", _rand("write", 1), {NBDKIT: 1.0}),
    Row("read-4k-d32", _rand("read", 32), DEEP),
    Row("write-4k-d32", _rand("write", 32), DEEP),
    Row("read-128k", Load("read", 128 * KIB, 8), {NBDKIT: 1.3}),
    Row("write-128k", Load("write", 128 * KIB, 8), {NBDKIT: 1.0}),
    Row("read-1m", Load("read", MIB, 4), {NBDKIT: 1.3}),
    Row("write-1m", Load("write", MIB, 4), {NBDKIT: 1.0}),
    Row("flush-write-4k-d16", _rand("write", 16, 1, FLUSH_EVERY), {BETTER: 1.2}),
    Row("two-read-4k", _rand("read", 32, 2), {NBDKIT: 1.6}),
    Row("two-write-4k", _rand("write", 32, 2), {NBDKIT: 1.6}),
    Row("eight-read-4k", _rand("read", 32, 8), {NBDKIT: 1.0}),
    Row("eight-write-4k", _rand("write", 32, 8), {NBDKIT: 1.0}),
    Row("clone-read-4k-d1", _rand("read", 1), {NBDKIT: 1.0, QCOW2: 1.0}, "clone"),
    Row("clone-read-4k-d32", _rand("read", 32), {NBDKIT: 1.3, QCOW2: 1.0}, "clone"),
    Row("clone-read-1m", Load("read", MIB, 4), {NBDKIT: 1.3, QCOW2: 1.0}, "clone"),
    Row("cold-read-4k-d16", _rand("read", 16), {BETTER: 1.2}, is_cold=True),
    Row(
        "clone-cold-read-4k-d16",
        _rand("read", 16),
        {BETTER: 1.2, QCOW2: 1.0},
        "clone",
        is_cold=True,
    ),
)
