"""
Processor time during a measurement: of the server, and of what has nothing to do with it.
"""

from __future__ import annotations

import resource
import time

import psutil

from benchmarks.block.processes import Program

CALM_CORES = 0.3  # of others: then a measurement may begin
SAMPLE_S = 0.05
PATIENCE_S = 60.0  # of a whole run


class Patience:
    """
    Waits for others on the machine to pause, for so long in all.
    """

    def __init__(self, left_s: float) -> None:
        self._left_s = left_s

    def wait(self) -> None:
        """Returns when others use little of the processors, or patience is at its end."""
        while self._left_s > 0:
            before = busy_s()
            time.sleep(SAMPLE_S)
            if (busy_s() - before) / SAMPLE_S <= CALM_CORES:
                return
            self._left_s -= SAMPLE_S


patience = Patience(PATIENCE_S)


class Meter:
    """
    Runs from its making to ``stop``.  What measures must be a child of ours that ended by then.
    """

    def __init__(self, server: Program, *, may_wait: bool = True) -> None:
        if may_wait:
            patience.wait()
        self._server = server
        self._begun = self._now()
        self._begun_s = time.monotonic()

    def _now(self) -> tuple[float, float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return self._server.cpu_s(), busy_s(), children.ru_utime + children.ru_stime

    def stop(self) -> tuple[float, float]:
        """Processor seconds of the server, and how many processors others used."""
        server, busy, load = (
            now - then for now, then in zip(self._now(), self._begun, strict=True)
        )
        return server, max(busy - server - load, 0) / (time.monotonic() - self._begun_s)


def busy_s() -> float:
    """
    Processor seconds that were used on this machine since its start.
    """
    times = psutil.cpu_times()
    return float(sum(times[:-2]) - times.idle - times.iowait)  # the last two are in the first
