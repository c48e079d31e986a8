"""
How much the job queue takes, and how it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

MAX_RUNNING = 20  # Ganeti's max_running_jobs
MAX_TRACKED = 25  # Ganeti's max_tracked_jobs
MAX_QUEUED = 20_000  # Ganeti's hard limit is 5000; memory for a queued job is about 5 kB here


@frozen
class QueueLimits:
    """
    running: jobs at work at once.  tracked: jobs that show as running or waiting; others that
    wait for a lock show as queued.  queued: jobs not finished.
    drained: no job is taken.
    """

    running: int = MAX_RUNNING
    tracked: int = MAX_TRACKED
    queued: int = MAX_QUEUED
    drained: bool = False


def limits_from(params: Mapping[str, Any]) -> QueueLimits:
    """The limits that the cluster's parameters set."""
    return QueueLimits(
        running=int(params.get("max_running_jobs") or MAX_RUNNING),
        tracked=int(params.get("max_tracked_jobs") or MAX_TRACKED),
        queued=int(params.get("max_queued_jobs") or MAX_QUEUED),
        drained=bool(params.get("queue_drained", False)),
    )


class QueueFull(Exception):
    """Too many jobs are waiting."""


class QueueDrained(Exception):
    """The operator wants no new jobs."""


class Stopped(Exception):
    """ganetid is going down; the job goes on when it is back."""


class NoSuchJob(Exception):
    """There is no such job, or it has ended."""
