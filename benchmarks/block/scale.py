"""
What one operation takes in stores of 10, 1,000 and 100,000 volumes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from archipelagod.wire.client import BlockClient
from benchmarks.block.bulk import GOLDEN, TRUNK, make_store, name_of
from benchmarks.block.choices import Choices
from benchmarks.block.ours import Daemon
from benchmarks.block.report import Figure, Report

OPERATIONS = ("create", "clone", "snapshot", "list", "info", "delete")
PAGE = 5  # the smallest store has no more behind its middle
AT_LEAST = 10
GROWTH = 0.5  # the largest store may take twice as long as the smallest
MIB = 1 << 20

Question = Callable[[BlockClient], Awaitable[object]]


def run(choices: Choices, home: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.
    """
    wanted = [name for name in OPERATIONS if choices.wants(f"scale-{name}")]
    if not wanted:
        return
    with contextlib.ExitStack() as stack:
        daemons = {}
        for count in choices.bulk:
            place = home / f"n{count}"
            make_store(place, count)
            daemons[count] = Daemon(place)
            stack.callback(daemons[count].stop)
        times = _measure(choices, daemons)
    least, most = min(choices.bulk), max(choices.bulk)
    for name in wanted:
        small, large = times[least, name], times[most, name]
        peer = f"{least}-volumes"
        figure = Figure(f"scale-{name}", large, "ms", peer, small, GROWTH, is_smaller_better=True)
        report.add(figure)
        for count in choices.bulk:
            report.beside(f"scale-{name}", f"{count}-volumes", times[count, name], "ms", "median")


def _measure(choices: Choices, daemons: dict[int, Daemon]) -> dict[tuple[int, str], float]:
    found: dict[tuple[int, str], list[float]] = {}
    for turn in range(max(choices.rounds * 4, AT_LEAST) + 1):
        for count, daemon in daemons.items():
            for name, question in _questions(turn, count).items():
                taken = daemon.control.timed(question)
                if turn:  # the first warms up
                    found.setdefault((count, name), []).append(taken * 1000)
    return {key: median(values) for key, values in found.items()}


def _questions(turn: int, count: int) -> dict[str, Question]:
    middle = name_of(count // 6 * 3 + 1)
    return {
        "create": lambda client: client.create(f"new{turn}", MIB),
        "clone": lambda client: client.clone(GOLDEN, f"copy{turn}"),
        "snapshot": lambda client: client.snapshot(TRUNK, f"kept{turn}"),
        "list": lambda client: client.list(marker=middle, limit=PAGE),
        "info": lambda client: client.info(middle),
        "delete": lambda client: client.delete(f"copy{turn}"),
    }
