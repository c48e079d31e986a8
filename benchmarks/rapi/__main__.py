"""
``python -m benchmarks.rapi``: ganetid with fake guests, beside a real Ganeti.

BENCH_PEER: base URL of a running Ganeti to measure as well; without it the ratio is to figures
that were recorded of one.  BENCH_PLACE: folder on the disk to be measured.  BENCH_JOBS: how many
jobs wait at once (10000).
"""

from __future__ import annotations

import os

from benchmarks.rapi import jobs
from benchmarks.rapi.daemon import Daemon, running_daemon
from benchmarks.rapi.report import RECORDED, Figure

PEER = os.environ.get("BENCH_PEER")
PLACE = os.environ.get("BENCH_PLACE")
QUEUED = int(os.environ.get("BENCH_JOBS", "10000"))
WORKERS = 8
# the most milliseconds, or the least a second, with so many jobs waiting
CROWDED_GOALS = {
    "queue-fill": (200.0, False),
    "queue-full-submit": (5.0, True),
    "queue-full-list": (100.0, True),
    "queue-full-bulk": (300.0, True),
    "queue-full-floor": (20.0, True),
    "queue-full-cancel": (5.0, True),
    "queue-drain": (50.0, False),
}


def peer_figures() -> tuple[str, dict[str, float]]:
    """The peer's name and its figures, measured now or recorded."""
    if PEER is None:
        return "ganeti-3.0.2-recorded", RECORDED
    return "ganeti-3.0.2", {
        "submit": jobs.submit_ms(PEER, 5),
        "job-floor": jobs.floor_ms(PEER, 5),
        "creates": jobs.creates_per_s(PEER, 20, WORKERS, jobs.diskless),
    }


def measure(daemon: Daemon) -> None:
    """Print all figures."""
    name, peer = peer_figures()
    base = daemon.base
    _print("submit", jobs.submit_ms(base, 200), "ms", 5, peer, name)
    loaded = jobs.submit_under_load_ms(base, 400, WORKERS)
    _print("submit-by-8", loaded, "ms", 40, {}, name)
    _print("job-floor", jobs.floor_ms(base, 200), "ms", 20, peer, name)
    rate = jobs.creates_per_s(base, 400, WORKERS, jobs.diskless)
    _print("creates", rate, "creates/s", 50, peer, name, at_most=False)
    before = daemon.resident_mib()
    for figure, value, unit in jobs.crowded(base, QUEUED, WORKERS):
        goal, at_most = CROWDED_GOALS[figure]
        _print(figure, value, unit, goal, {}, name, at_most)
    grown = (daemon.resident_mib() - before) * 1024 / QUEUED
    _print("memory-a-job", grown, "KiB", 20, {}, name)


def _print(
    name: str, value: float, unit: str, goal: float, peer: dict[str, float],
    peer_name: str, at_most: bool = True,
) -> None:  # fmt: skip
    figure = Figure(f"rapi-{name}", value, unit, goal, at_most, peer.get(name), peer_name)
    print(figure.line(), flush=True)


if __name__ == "__main__":
    with running_daemon(PLACE) as daemon:
        measure(daemon)
