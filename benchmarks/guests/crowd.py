"""
Many small guests at once: when the last one has come up, and what they take.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from tests.ganetid.node.machines import Machine

MARK = "==ready=="
MIB = 1024


def ready(machine: Machine, names: list[str]) -> list[str]:
    """Those whose consoles have the mark."""
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            text = (machine.state / "instances" / name / "console.log").read_text(errors="replace")
            if MARK in text:
                found.append(name)
    return found


def proportional_mib(pids: list[int]) -> float:
    """Memory of the processes; what they share counts once."""
    total_kib = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total_kib += sum(int(each) for each in re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE))
    return total_kib / MIB


def processors() -> int:
    """How many this benchmark may use."""
    return len(os.sched_getaffinity(0))
