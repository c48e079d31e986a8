"""
The loads of ``loads``, each on ours and its peers in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.block import peers, place
from benchmarks.block.choices import Choices
from benchmarks.block.content import BASE, copy_raw
from benchmarks.block.fio import Measured, measure
from benchmarks.block.loads import BETTER, MIB, NBDKIT, QCOW2, RAW, ROWS, Row
from benchmarks.block.ours import Daemon
from benchmarks.block.peers import Export, Peer
from benchmarks.block.report import Figure, Report, costs
from benchmarks.block.rounds import interleaved, middle

OURS = "archipelagod"


def run(choices: Choices, daemon: Daemon, raw: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    rows = [row for row in ROWS if choices.wants(row.name)]
    if not rows:
        return
    control = daemon.control
    control.ask(lambda client: client.clone(BASE, "clone"))
    started = _start_peers(raw)
    own = daemon.export("own", OURS)
    exports: list[Export] = [own, *started]
    _warm(exports)
    try:
        for row in rows:
            ours = daemon.export("clone", OURS) if row.volume == "clone" else own
            _measure_row(row, choices, [ours, *started], report)
        if rows[-1].is_cold:
            _warm(exports)
    finally:
        for peer in started:
            peer.stop()
        control.ask(lambda client: client.delete("clone"))


def _start_peers(raw: Path) -> list[Peer]:
    home = raw.parent
    copies = [copy_raw(raw, home / f"{name}.raw") for name in (NBDKIT, RAW)]
    return [
        peers.nbdkit(home, copies[0]),
        peers.qemu_raw(home, copies[1]),
        peers.qemu_qcow2(home, home / "clone.qcow2", raw),
    ]


def _warm(exports: list[Export]) -> None:
    for export in exports:
        place.warm(export.roots)


def _measure_row(row: Row, choices: Choices, exports: list[Export], report: Report) -> None:
    runs = {
        export.name: _run(row, export, choices.seconds)
        for export in exports
        if _takes_part(row, export.name)
    }
    results = interleaved(runs, choices.rounds)
    medians = {name: middle(found, lambda one: one.per_s) for name, found in results.items()}
    for figure in figures(row, medians):
        report.add(figure)
    for name, measured in medians.items():
        report.beside(row.name, name, value(row, measured), row.unit, costs(measured))


def _takes_part(row: Row, server: str) -> bool:
    if server == RAW:
        return row.volume == "own" or BETTER in row.goals
    return server != QCOW2 or QCOW2 in row.goals


def _run(row: Row, export: Export, seconds: float) -> Callable[[int], Measured]:
    def once(turn: int) -> Measured:
        if row.is_cold:
            place.chill(export.roots)
        measured = measure(export, row.load, seconds, seed=1000 + turn)
        if "write" in row.load.kind:
            place.settle(export.roots)
        return measured

    return once


def figures(row: Row, medians: dict[str, Measured]) -> list[Figure]:
    """
    The row's results, one for each goal.
    """
    found = []
    candidates = [name for name in (NBDKIT, RAW) if name in medians]
    better = max(candidates, key=lambda name: medians[name].per_s)
    for peer, goal in row.goals.items():
        name = row.name if peer in (NBDKIT, BETTER) else f"{row.name}-{peer}"
        other = better if peer == BETTER else peer
        ours, theirs = value(row, medians[OURS]), value(row, medians[other])
        found.append(Figure(name, ours, row.unit, other, theirs, goal))
    return found


def value(row: Row, measured: Measured) -> float:
    """
    What counts, in the row's unit.
    """
    return measured.per_s if row.is_rate else measured.bytes_per_s / MIB
