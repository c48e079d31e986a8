"""
/metrics: what this daemon counts, in the text form of Prometheus.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from attrs import Factory, define

from ganetid.jobs.model import Job

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[tuple[str, str], ...]


@define
class Histogram:
    """How long something took, in seconds, by bounds."""

    counts: list[int] = Factory(lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """It took so long once more."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        """Its samples."""
        below = 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            below += count
            yield _line(f"{name}_bucket", (*labels, ("le", bound)), below)
        yield _line(f"{name}_sum", labels, self.total_s)
        yield _line(f"{name}_count", labels, below)


@define
class JobMeter:
    """Jobs, as the queue tells of them: those unfinished, how many ended, how long they waited."""

    unfinished: dict[int, str] = Factory(dict)
    begun: set[int] = Factory(set)
    ended: Counter[str] = Factory(Counter)
    waits: Histogram = Factory(Histogram)

    def heard(self, job: Job) -> None:
        """A job has changed."""
        if job.start is not None and job.id not in self.begun:
            self.begun.add(job.id)
            self.waits.add((job.start - job.received) / 1e6)
        if not job.is_final:
            self.unfinished[job.id] = job.status
            return
        self.unfinished.pop(job.id, None)
        self.begun.discard(job.id)
        self.ended[job.status] += 1

    def lines(self) -> Iterator[str]:
        """Its samples."""
        yield from gauge("ganetid_jobs", "Unfinished jobs that were heard of, by status.",
                         _by("status", Counter(self.unfinished.values())))  # fmt: skip
        yield from _head("ganetid_jobs_ended_total", "counter", "Jobs that ended.")
        for labels, count in _by("status", self.ended).items():
            yield _line("ganetid_jobs_ended_total", labels, count)
        yield from _head("ganetid_job_wait_seconds", "histogram", "How long jobs waited.")
        yield from self.waits.lines("ganetid_job_wait_seconds", ())


@define
class Meter:
    """Requests of the remote API: how many of each status, and how long they took."""

    requests: Counter[tuple[str, str, int]] = Factory(Counter)
    latencies: dict[tuple[str, str], Histogram] = Factory(dict)
    streams: int = 0
    jobs: JobMeter = Factory(JobMeter)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered.  path: of the table of routes, so that there are few."""
        self.requests[method, path, status] += 1
        self.latencies.setdefault((method, path), Histogram()).add(seconds)

    def lines(self) -> Iterator[str]:
        """Its samples."""
        yield from self.jobs.lines()
        yield from _head("ganetid_rapi_requests_total", "counter", "Requests that were answered.")
        for (method, path, status), count in sorted(self.requests.items()):
            labels = (("method", method), ("path", path), ("status", str(status)))
            yield _line("ganetid_rapi_requests_total", labels, count)
        name = "ganetid_rapi_request_seconds"
        yield from _head(name, "histogram", "How long requests took.")
        for (method, path), histogram in sorted(self.latencies.items()):
            yield from histogram.lines(name, (("method", method), ("path", path)))
        yield from gauge("ganetid_event_streams", "Clients that follow events.",
                         {(): self.streams})  # fmt: skip


def _by(label: str, counts: Mapping[str, int]) -> dict[Labels, float]:
    return {((label, word),): count for word, count in sorted(counts.items())}


def gauge(name: str, text: str, samples: Mapping[Labels, float]) -> Iterator[str]:
    """The lines of a gauge."""
    yield from _head(name, "gauge", text)
    for labels, value in samples.items():
        yield _line(name, labels, value)


def text(lines: Iterable[str]) -> bytes:
    """The lines as a document."""
    return ("\n".join(lines) + "\n").encode()


def stopwatch() -> float:
    """Seconds of a clock that only goes forward."""
    return time.monotonic()


def _head(name: str, kind: str, words: str) -> Iterator[str]:
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels)
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
