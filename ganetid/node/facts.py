"""
What this machine is and has: memory and disk in MiB, processors, the kernel's boot id.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from attrs import frozen

KIB_PER_MIB = 1024
MIB = 1024 * 1024


@frozen
class NodeFacts:
    """A reading of the machine's resources; MiB."""

    memory_total: int
    memory_free: int
    memory_node: int
    disk_total: int
    disk_free: int
    cpus: int


def read_facts(state_directory: Path) -> NodeFacts:
    """The machine's resources now; the disk's are of the file system that holds our state."""
    memory = _memory()
    total, free = memory.get("MemTotal", 0), memory.get("MemAvailable", 0)
    disk = shutil.disk_usage(state_directory)
    return NodeFacts(
        memory_total=total,
        memory_free=free,
        memory_node=max(0, total - free),
        disk_total=disk.total // MIB,
        disk_free=disk.free // MIB,
        cpus=os.cpu_count() or 1,
    )


def boot_id() -> str:
    """A new value after every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _memory() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    words = [line.split() for line in lines]
    return {each[0].rstrip(":"): int(each[1]) // KIB_PER_MIB for each in words if len(each) >= 2}
