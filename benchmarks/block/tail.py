"""
The slowest answers while the control plane is busy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.block import peers, place
from benchmarks.block.choices import Choices
from benchmarks.block.content import OWN, copy_raw
from benchmarks.block.fio import Load, Measured, measure
from benchmarks.block.loads import KIB, NBDKIT
from benchmarks.block.ours import Daemon
from benchmarks.block.peers import Export
from benchmarks.block.place import CHECKOUT
from benchmarks.block.processes import Program
from benchmarks.block.report import Figure, Report, costs, within
from benchmarks.block.rounds import interleaved, middle

OURS = "archipelagod"
NAME = "p99-busy-d16"
LOAD = Load("randread", 4 * KIB, 16)
MAX_MS = 1


def run(choices: Choices, daemon: Daemon, raw: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    if not choices.wants(NAME):
        return
    disk = copy_raw(raw, raw.with_name("tail.raw"))
    peer = peers.nbdkit(raw.parent, disk, "tail")
    place.warm([daemon.store, disk])  # before the store changes all the time
    busy = Program(
        [sys.executable, "-m", "benchmarks.block.busy", str(daemon.home)],
        daemon.home / "busy.log",
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    try:
        busy.wait_until(lambda: "busy" in busy.log.read_text(), "busy")
        _measure(choices, [daemon.export(OWN, OURS), peer], report)
    finally:
        busy.stop()
        peer.stop()
        disk.unlink()


def _measure(choices: Choices, exports: list[Export], report: Report) -> None:
    named = dict(zip((OURS, NBDKIT), exports, strict=True))
    runs = {name: _runner(export, choices.seconds) for name, export in named.items()}
    results = interleaved(runs, choices.rounds)
    medians = {name: middle(found, lambda one: one.p99_ms) for name, found in results.items()}
    ours, theirs = medians[OURS].p99_ms, medians[NBDKIT].p99_ms
    report.add(within(NAME, ours, "ms", MAX_MS))
    report.add(Figure(f"{NAME}-peer", ours, "ms", NBDKIT, theirs, 1, is_smaller_better=True))
    for name, measured in medians.items():
        report.beside(NAME, name, measured.p99_ms, "ms", costs(measured))


def _runner(export: Export, seconds: float) -> Callable[[int], Measured]:
    return lambda turn: measure(export, LOAD, seconds, seed=4000 + turn, may_wait=False)
