"""
How long and which: choices by environment.

BENCH_ROUNDS: measurements of each cell, of which the median counts.  BENCH_SECONDS: how long one
lasts.  BENCH_ONLY: a regular expression that names of figures must contain.  BENCH_QUICK=1: a short
form of everything.  BENCH_DIRECTORY: where the data lies; never on tmpfs.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple


class Choices(NamedTuple):
    """
    seconds: of one measurement.  bulk: numbers of volumes that the stores of ``scale`` hold.
    """

    rounds: int
    seconds: float
    only: re.Pattern[str]
    is_quick: bool
    exports: int
    bulk: tuple[int, ...]
    directory: str | None

    def wants(self, name: str) -> bool:
        """Whether the figure is asked for."""
        return self.only.search(name) is not None

    def wants_any(self, *names: str) -> bool:
        """Whether at least one of the figures is asked for."""
        return any(self.wants(name) for name in names)


def chosen() -> Choices:
    """
    What the environment asks for.  Raises ValueError, re.error.
    """
    ask = os.environ.get
    is_quick = ask("BENCH_QUICK", "") not in ("", "0")
    return Choices(
        rounds=int(ask("BENCH_ROUNDS", "1" if is_quick else "3")),
        seconds=float(ask("BENCH_SECONDS", "0.4" if is_quick else "1")),
        only=re.compile(ask("BENCH_ONLY", "")),
        is_quick=is_quick,
        exports=int(ask("BENCH_EXPORTS", "50" if is_quick else "1000")),
        bulk=(10, 1_000) if is_quick else (10, 1_000, 100_000),
        directory=ask("BENCH_DIRECTORY"),
    )
