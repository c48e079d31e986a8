"""
Interleaved rounds, and the median of each.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median_low
from typing import TypeVar

from benchmarks.block.fio import Measured

T = TypeVar("T")


def interleaved(
    runs: dict[str, Callable[[int], Measured]], rounds: int
) -> dict[str, list[Measured]]:
    """
    ``rounds`` results of each run, which gets the number of the round.  Who goes first rotates.
    """
    names = list(runs)
    results: dict[str, list[Measured]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(runs[name](turn))
    return results


def middle(results: list[T], key: Callable[[T], float]) -> T:
    """
    The result in the middle by ``key``; of two, the lower.
    """
    wanted = median_low(map(key, results))
    return next(result for result in results if key(result) == wanted)
