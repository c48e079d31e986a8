"""
Whether a clone of a clone of a clone reads as fast as one.

Each of the 100 generations wrote one 4 KiB block into each of 8 objects, and was sealed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.block import place
from benchmarks.block.choices import Choices
from benchmarks.block.content import piece
from benchmarks.block.fio import Load, Measured, measure
from benchmarks.block.ours import Daemon
from benchmarks.block.peers import Export
from benchmarks.block.report import Figure, Report, costs
from benchmarks.block.rounds import interleaved, middle

OBJECTS = 8
OBJECT_BYTES = 4 << 20
BLOCK_BYTES = 4096
GENERATIONS = 100
NAMES = ("chain-read-4k-d32", "chain-cold-read-4k-d16")
COLD_S = 0.15
ENOUGH = 0.9  # what two equal volumes differ by on a busy machine


def run(choices: Choices, daemon: Daemon, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    if not choices.wants_any(*NAMES):
        return
    _build(daemon)
    for name in NAMES:
        if choices.wants(name):
            _measure(name, choices, daemon, report)


def _measure(name: str, choices: Choices, daemon: Daemon, report: Report) -> None:
    is_cold = "cold" in name
    load = Load("randread", BLOCK_BYTES, 16 if is_cold else 32)
    exports = [daemon.export("link1", "one-clone"), daemon.export(f"link{GENERATIONS}", "chain")]
    place.warm([daemon.store])
    # cold: no longer than the volume is cold
    seconds = COLD_S if is_cold else choices.seconds
    runs = {export.name: _runner(export, load, seconds, is_cold) for export in exports}
    results = interleaved(runs, choices.rounds)
    medians = {one: middle(found, lambda run: run.per_s) for one, found in results.items()}
    ours, peer = medians["chain"], medians["one-clone"]
    report.add(Figure(name, ours.per_s, "IOPS", "one-clone", peer.per_s, ENOUGH))
    for server, measured in medians.items():
        report.beside(name, server, measured.per_s, "IOPS", costs(measured))


def _runner(export: Export, load: Load, seconds: float, is_cold: bool) -> Callable[[int], Measured]:
    def once(turn: int) -> Measured:
        if is_cold:
            place.chill(export.roots)
        return measure(export, load, seconds, seed=3000 + turn)

    return once


def _build(daemon: Daemon) -> None:
    control = daemon.control
    size = OBJECTS * OBJECT_BYTES
    control.ask(lambda client: client.create("link0", size))
    control.fill("link0", size, piece)
    control.ask(lambda client: client.seal("link0"))
    places = random.Random(7)
    for number in range(1, GENERATIONS + 1):
        _add_link(daemon, number, places)


def _add_link(daemon: Daemon, number: int, places: random.Random) -> None:
    control, name = daemon.control, f"link{number}"
    control.ask(lambda client: client.clone(f"link{number - 1}", name))
    block = number.to_bytes(8, "big") * (BLOCK_BYTES // 8)
    for start in range(0, OBJECTS * OBJECT_BYTES, OBJECT_BYTES):
        offset = start + places.randrange(OBJECT_BYTES // BLOCK_BYTES) * BLOCK_BYTES
        control.write(name, offset, block)
    control.ask(lambda client: client.seal(name))
