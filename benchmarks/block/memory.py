"""
Memory of a daemon at rest, and of open volumes at rest.
"""

from __future__ import annotations

import contextlib
import resource
import time
from pathlib import Path

import psutil

from benchmarks.block import peers
from benchmarks.block.bulk import name_of
from benchmarks.block.choices import Choices
from benchmarks.block.nbd import Attached
from benchmarks.block.ours import Daemon
from benchmarks.block.processes import MIB, Memory
from benchmarks.block.report import Figure, Report, within

NAMES = ("memory-idle-daemon", "memory-per-volume", "exports-open")
IDLE_MIB, PER_VOLUME_MIB = 60, 1
REST_S = 1.0
KEEP_FREE_BYTES = 2 << 30


def allow_many_files() -> None:
    """
    As many descriptors as the system lets us have, for us and for what we start.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(choices: Choices, daemon: Daemon, raw: Path, report: Report) -> None:
    """
    Prints the figures that are asked for.  The daemon has done nothing yet; its store, of ``bulk``,
    has more than ``choices.exports`` clones of a volume of 1 GiB with a full map.
    """
    if not choices.wants_any(*NAMES):
        return
    time.sleep(REST_S)
    idle = daemon.program.memory()
    report.add(within("memory-idle-daemon", idle.resident / MIB, "MiB", IDLE_MIB))
    report.beside("memory-idle-daemon", "archipelagod", idle.proportional / MIB, "MiB", "PSS")
    _beside_peers(raw, report)
    with contextlib.ExitStack() as stack:
        first, opened = _open_all(choices, daemon, stack)
        time.sleep(REST_S)
        full = daemon.program.memory()
        processes = len(daemon.program.tree())
    wanted = choices.exports
    report.add(Figure("exports-open", opened, "exports", "goal", wanted, wanted))
    per = _difference(full, first, max(opened - 1, 1))
    report.add(within("memory-per-volume", per.resident / MIB, "MiB", PER_VOLUME_MIB))
    more = f"PSS; {processes} processes, {full.resident / MIB:.0f} MiB RSS in all"
    report.beside("memory-per-volume", "archipelagod", per.proportional / MIB, "MiB", more)


def _open_all(choices: Choices, daemon: Daemon, stack: contextlib.ExitStack) -> tuple[Memory, int]:
    """
    Memory with one volume open, and how many could be opened.
    """
    first = daemon.program.memory()
    opened = 0
    while opened < choices.exports and psutil.virtual_memory().available > KEEP_FREE_BYTES:
        try:
            attached = Attached(daemon.nbd_socket, name_of(opened * 3 + 1))
            stack.callback(attached.close)
            attached.read(0, 4096)
        except OSError:
            break
        opened += 1
        if opened == 1:
            time.sleep(REST_S)
            first = daemon.program.memory()
    return first, opened


def _difference(full: Memory, first: Memory, count: int) -> Memory:
    return Memory(
        (full.resident - first.resident) // count,
        (full.proportional - first.proportional) // count,
    )


def _beside_peers(raw: Path, report: Report) -> None:
    for peer in (peers.nbdkit(raw.parent, raw), peers.qemu_raw(raw.parent, raw)):
        try:
            memory = peer.program.memory()
            size = memory.proportional / MIB
            more = f"RSS; PSS {size:.1f} MiB; one process for each export"
            report.beside("memory-per-volume", peer.name, memory.resident / MIB, "MiB", more)
        finally:
            peer.stop()
