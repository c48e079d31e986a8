"""
What an answer costs the processors, which other work on the machine changes less than rates.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def spent_s(roots: Iterable[int]) -> float:
    """
    Processor seconds so far of these processes and of all below them.
    """
    spent = 0.0
    for root in map(psutil.Process, roots):
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                spent += times.user + times.system
    return spent
