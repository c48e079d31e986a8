"""
``python -m benchmarks.rapi``: ganetid with fake guests, beside a real Ganeti.

BENCH_PEER, BENCH_PEER_PID: a running Ganeti to measure as well, see peer.py; without it the ratio
is to figures that were recorded of one.  BENCH_PLACE: folder on the disk to be measured.
BENCH_JOBS: how many jobs wait at once (10000).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from attrs import frozen

from benchmarks.rapi import jobs, peer, reads
from benchmarks.rapi.daemon import Daemon, running_daemon
from benchmarks.rapi.memory import resident_mib
from benchmarks.rapi.population import name_of
from benchmarks.rapi.report import Figure

PLACE = os.environ.get("BENCH_PLACE")
QUEUED = int(os.environ.get("BENCH_JOBS", "10000"))
WORKERS = 8
POPULATIONS = (100, 1000, 10000)
# name -> (goal, whether it is the most)
GOALS: dict[str, tuple[float, bool]] = {
    "submit": (5, True),
    "submit-by-8": (40, True),
    "job-floor": (20, True),
    "creates": (50, False),
    "deletes": (50, False),
    "memory": (160, True),
    "queue-fill": (200, False),
    "queue-full-submit": (5, True),
    "queue-full-list": (100, True),
    "queue-full-bulk": (300, True),
    "queue-full-floor": (20, True),
    "queue-full-cancel": (5, True),
    "queue-drain": (50, False),
    "memory-a-job": (20, True),
    "read-version": (1000, False),
    "read-info": (1000, False),
    "read-instance": (1000, False),
    "read-version-by-8": (1000, False),
    "read-info-by-8": (1000, False),
    "read-instance-by-8": (1000, False),
    "bulk-100": (10, True),
    "bulk-1000": (30, True),
    "bulk-10000": (300, True),
    "bulk-100-by-8": (200, False),
    "bulk-1000-by-8": (30, False),
    "bulk-10000-by-8": (3, False),
    "bulk-growth": (30, True),
}


@frozen
class Report:
    """Prints figures beside the peer's."""

    peer: str
    theirs: dict[str, float]

    def tell(self, name: str, value: float, unit: str) -> None:
        """One line."""
        goal, at_most = GOALS[name]
        figure = Figure(
            f"rapi-{name}", value, unit, goal, at_most, self.theirs.get(name), self.peer
        )
        print(figure.line(), flush=True)


def of_jobs(daemon: Daemon) -> Iterator[tuple[str, float, str]]:
    """(name, value, unit) of jobs, on an empty cluster; it has 100 instances for the memory."""
    base, fewer = daemon.base, 100
    yield "submit", jobs.submit_ms(base, 200), "ms"
    yield "submit-by-8", jobs.submit_under_load_ms(base, 400, WORKERS), "ms"
    yield "job-floor", jobs.floor_ms(base, 200), "ms"
    jobs.creates_per_s(base, fewer, WORKERS, jobs.diskless)
    yield "memory", resident_mib(daemon.pid), "MiB"
    jobs.deletes_per_s(base, fewer, WORKERS)
    yield "creates", jobs.creates_per_s(base, 400, WORKERS, jobs.diskless), "creates/s"
    yield "deletes", jobs.deletes_per_s(base, 400, WORKERS), "deletes/s"
    before = resident_mib(daemon.pid)
    yield from jobs.crowded(base, QUEUED, WORKERS)
    yield "memory-a-job", (resident_mib(daemon.pid) - before) * 1024 / QUEUED, "KiB"


def measure() -> None:
    """Print all figures."""
    report = Report(*peer.figures())
    with running_daemon(PLACE) as daemon:
        for figure in of_jobs(daemon):
            report.tell(*figure)
    for count in POPULATIONS:
        with running_daemon(PLACE, instances=count) as daemon:
            if count == POPULATIONS[0]:
                for figure in reads.singles(daemon.base, name_of(0)):
                    report.tell(*figure)
            found = reads.bulk(daemon.base, count)
            report.tell(*next(found))
            before = resident_mib(daemon.pid)
            report.tell(*next(found))
            if count == POPULATIONS[-1]:
                report.tell("bulk-growth", resident_mib(daemon.pid) - before, "MiB")


if __name__ == "__main__":
    measure()
