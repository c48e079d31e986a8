"""
How long a clone takes, and the first answer that it gives.

The maps are full.  A map of 1 TiB is made by the store's own code (see ``bulk``): of content-
addressed blocks, because to write into each of its 262,144 objects would take minutes.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from benchmarks.block import peers
from benchmarks.block.bulk import GIANT, GOLDEN
from benchmarks.block.choices import Choices
from benchmarks.block.nbd import Attached
from benchmarks.block.ours import Daemon
from benchmarks.block.report import Figure, Report, within

GIANT_BYTES = 1 << 40
NAMES = ("clone-1gib", "clone-1tib", "clone-1tib-growth", "attach-1tib")


def run(choices: Choices, daemon: Daemon, report: Report) -> None:
    """
    Prints the figures that are asked for; the daemon's store is one of ``bulk``.
    """
    if not choices.wants_any(*NAMES):
        return
    small, giant, attach_small, attach_giant, qcow2 = [], [], [], [], []
    backing = daemon.home / "backing.raw"
    with backing.open("wb") as file:
        file.truncate(GIANT_BYTES)
    for turn in range(max(choices.rounds * 4, 8)):
        small.append(_clone(daemon, GOLDEN, f"s{turn}"))
        giant.append(_clone(daemon, GIANT, f"g{turn}"))
        attach_small.append(_attach(daemon, f"s{turn}"))
        attach_giant.append(_attach(daemon, f"g{turn}"))
        qcow2.append(_make_qcow2(daemon.home / "clone.qcow2", backing))
    one, tib, peer = median(small), median(giant), median(qcow2)
    figures = (
        Figure("clone-1gib", one, "ms", "qemu-img", peer, 1, is_smaller_better=True),
        within("clone-1tib", tib, "ms", 5),
        Figure("clone-1tib-growth", tib, "ms", "clone-1gib", one, 0.5, is_smaller_better=True),
        Figure(
            "attach-1tib",
            median(attach_giant),
            "ms",
            "attach-1gib",
            median(attach_small),
            0.5,
            is_smaller_better=True,
        ),
    )
    for figure in figures:
        if choices.wants(figure.name):
            report.add(figure)
    report.beside("clone-1tib", "qemu-img", peer, "ms", "create -b, its start included")


def _clone(daemon: Daemon, origin: str, name: str) -> float:
    return daemon.control.timed(lambda client: client.clone(origin, name)) * 1000


def _attach(daemon: Daemon, name: str) -> float:
    begun = time.perf_counter()
    with Attached(daemon.nbd_socket, name) as attached:
        attached.read(0, 4096)
        return (time.perf_counter() - begun) * 1000


def _make_qcow2(disk: Path, backing: Path) -> float:
    begun = time.perf_counter()
    peers.make_qcow2(disk, backing)
    taken = time.perf_counter() - begun
    disk.unlink()
    return taken * 1000
