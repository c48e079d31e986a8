"""
The first writes to a clone, beside a qcow2 image over a backing file of the same content.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.block import peers, place
from benchmarks.block.choices import Choices
from benchmarks.block.content import BASE, SIZE_BYTES
from benchmarks.block.fio import Load, Measured, measure
from benchmarks.block.loads import FLUSH_EVERY, KIB, QCOW2
from benchmarks.block.ours import Daemon
from benchmarks.block.report import Figure, Report, costs
from benchmarks.block.rounds import interleaved, middle

OURS = "archipelagod"


class FirstWrites(NamedTuple):
    """
    One load, each time on a new clone.  goal: ours to qcow2.
    """

    name: str
    load: Load
    goal: float


OBJECT = 4 << 20
EACH = SIZE_BYTES // OBJECT - 1
ROWS = (
    # one write into each object, or 64 clusters
    FirstWrites("first-write-object-d1", Load(f"write:{OBJECT - 4096}", 4 * KIB, 1, total=EACH), 1),
    FirstWrites("first-write-4k-d1", Load("randwrite", 4 * KIB, 1, total=4096), 2),
    FirstWrites("first-write-4k-d16", Load("randwrite", 4 * KIB, 16, total=16384), 2),
    FirstWrites(
        "first-write-flush-4k-d16",
        Load("randwrite", 4 * KIB, 16, flush_every=FLUSH_EVERY, total=4096),
        1,
    ),
)


def run(choices: Choices, daemon: Daemon, raw: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    rows = [row for row in ROWS if choices.wants(row.name)]
    if not rows:
        return
    place.warm([raw, daemon.store])
    for row in rows:
        runs = {OURS: _ours(row, daemon), QCOW2: _qcow2(row, raw)}
        results = interleaved(runs, choices.rounds)
        medians = {name: middle(found, lambda one: one.per_s) for name, found in results.items()}
        report.add(_figure(row, medians[OURS], medians[QCOW2]))
        for name, measured in medians.items():
            report.beside(row.name, name, measured.per_s, "IOPS", costs(measured))
        for turn in range(choices.rounds):
            _delete(daemon, f"{row.name}-{turn}")


def _figure(row: FirstWrites, ours: Measured, theirs: Measured) -> Figure:
    if row.load.depth > 1:
        return Figure(row.name, ours.per_s, "IOPS", QCOW2, theirs.per_s, row.goal)
    us, them = ours.mean_ms * 1000, theirs.mean_ms * 1000
    return Figure(row.name, us, "us", QCOW2, them, row.goal, is_smaller_better=True)


def _ours(row: FirstWrites, daemon: Daemon) -> Callable[[int], Measured]:
    def once(turn: int) -> Measured:
        volume = f"{row.name}-{turn}"
        daemon.control.ask(lambda client: client.clone(BASE, volume))
        export = daemon.export(volume)
        measured = measure(export, row.load, 0, seed=2000 + turn)
        place.settle(export.roots)
        return measured

    return once


def _qcow2(row: FirstWrites, raw: Path) -> Callable[[int], Measured]:
    disk = raw.with_name("fresh.qcow2")

    def once(turn: int) -> Measured:
        peer = peers.qemu_qcow2(raw.parent, disk, raw, "fresh")
        try:
            measured = measure(peer, row.load, 0, seed=2000 + turn)
        finally:
            peer.stop()
        place.settle([disk])
        disk.unlink()
        return measured

    return once


def _delete(daemon: Daemon, volume: str) -> None:
    daemon.control.ask(lambda client: client.delete(volume))
