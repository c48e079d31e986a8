"""
The loads of ``loads`` over our own block protocol, on data connections.

fio does not speak it: a pipelined client of ours loads our server in it, and the peers in NBD.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.block import peers, place
from benchmarks.block.choices import Choices
from benchmarks.block.content import OWN, SIZE_BYTES, copy_raw
from benchmarks.block.fio import Measured
from benchmarks.block.loads import NBDKIT, RAW, ROWS, Row
from benchmarks.block.meter import Meter
from benchmarks.block.ours import Daemon
from benchmarks.block.peers import Export
from benchmarks.block.place import CHECKOUT
from benchmarks.block.report import Report, costs
from benchmarks.block.rounds import interleaved, middle
from benchmarks.block.steady import OURS, figures, value

LEFT_OUT = ("eight", "clone")


def run(choices: Choices, daemon: Daemon, raw: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    named = [row._replace(name=f"wire-{row.name}") for row in ROWS]
    rows = [row for row in named if choices.wants(row.name) and _is_measured(row)]
    if not rows:
        return
    home = raw.parent
    copies = [copy_raw(raw, home / f"{name}.raw") for name in (NBDKIT, RAW)]
    started = [peers.nbdkit(home, copies[0]), peers.qemu_raw(home, copies[1])]
    exports: list[Export] = [daemon.export(OWN, OURS), *started]
    try:
        place.warm([root for export in exports for root in export.roots])
        for row in rows:
            _measure_row(row, choices, daemon, exports, report)
    finally:
        for peer in started:
            peer.stop()


def _is_measured(row: Row) -> bool:
    return not any(word in row.name for word in LEFT_OUT)


def _measure_row(
    row: Row, choices: Choices, daemon: Daemon, exports: list[Export], report: Report
) -> None:
    runs = {
        export.name: _runner(row, export, _where(export, daemon), choices.seconds)
        for export in exports
    }
    results = interleaved(runs, choices.rounds)
    medians = {name: middle(found, lambda one: one.per_s) for name, found in results.items()}
    for figure in figures(row, medians):
        report.add(figure)
    for name, measured in medians.items():
        report.beside(row.name, name, value(row, measured), row.unit, costs(measured))


def _where(export: Export, daemon: Daemon) -> list[str]:
    if export.name == OURS:
        return ["wire", str(daemon.home / "wire"), str(daemon.home / "secret"), OWN]
    return ["nbd", export.uri.partition("socket=")[2], "-", ""]


def _runner(
    row: Row, export: Export, where: list[str], seconds: float
) -> Callable[[int], Measured]:
    def once(turn: int) -> Measured:
        if row.is_cold:
            place.chill(export.roots)
        measured = _measure(row, export, where, seconds, 5000 + turn * row.load.connections)
        if "write" in row.load.kind:
            place.settle(export.roots)
        return measured

    return once


def _measure(row: Row, export: Export, where: list[str], seconds: float, seed: int) -> Measured:
    load = row.load
    sizes = [load.block_bytes, load.depth, load.flush_every, SIZE_BYTES]
    clients = []
    for number in range(load.connections):
        command = [sys.executable, "-m", "benchmarks.block.pipelined", *where, load.kind]
        numbers = [*sizes, seconds, seed + number]
        clients.append(
            subprocess.Popen(
                [*command, *map(str, numbers)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            )
        )
    try:
        said = [client.stdout.readline() for client in clients if client.stdout]
        if said != ["ready\n"] * len(clients):
            raise RuntimeError(f"{row.name} on {export.name}: the client did not begin")
        meter = Meter(export.program)
        answers = _let_go(clients)
    finally:
        for client in clients:
            client.kill()
            client.wait()
    return _summed(answers, load.depth * load.connections, meter)


def _let_go(clients: list[subprocess.Popen[str]]) -> list[tuple[int, int, float]]:
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    answers = []
    for client in clients:
        assert client.stdout is not None
        words = client.stdout.readline().split()
        if len(words) != 3:
            raise RuntimeError("the client broke off")
        answers.append((int(words[0]), int(words[1]), float(words[2])))
    return answers


def _summed(answers: list[tuple[int, int, float]], under_way: int, meter: Meter) -> Measured:
    per_s = sum(requests / seconds for requests, _, seconds in answers)
    cpu_s, others = meter.stop()
    mean_ms = under_way / max(per_s, 1) * 1000
    return Measured(
        per_s=per_s,
        bytes_per_s=sum(size / seconds for _, size, seconds in answers),
        requests=sum(requests for requests, _, _ in answers),
        cpu_s=cpu_s,
        mean_ms=mean_ms,
        p50_ms=0,
        p99_ms=0,
        others=others,
        bytes=sum(size for _, size, _ in answers),
    )
