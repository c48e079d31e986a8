"""
Memory that processes have in RAM.
"""

from __future__ import annotations

import os
from pathlib import Path


def resident_mib(pid: int) -> float:
    """Of one process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def resident_beside_mib(pid: int, word: str) -> float:
    """
    Of all processes in the pid namespace of `pid` whose command line has `word` in it.

    Pages that processes share are counted for each, as `ps` does.
    """
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    total = 0.0
    for each in Path("/proc").glob("[0-9]*"):
        try:
            is_there = (each / "ns" / "pid").readlink() == namespace
            if is_there and word in (each / "cmdline").read_text(errors="replace"):
                total += resident_mib(int(each.name))
        except OSError:  # it ended meanwhile
            continue
    return total
