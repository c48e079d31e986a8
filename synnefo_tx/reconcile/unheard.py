"""
Jobs that have ended long ago, and whose end nobody was told of: what waits for them would wait for
ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.cluster.interface import ClusterRefused
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.rows.ending import ENDINGS
from synnefo_tx.reconcile.asking import Get
from synnefo_tx.reconcile.values import Drift
from synnefo_tx.update.messages import FINAL, News

WHAT = "task.unheard"


@frozen
class Unheard:
    """
    A task's row, how its difference is told, and the news that should have come.
    """

    task: Any
    drift: Drift
    news: News


async def unheard_of(get: Get, waiting: Iterable[Any], ended_before_us: int) -> list[Unheard]:
    """
    Those of the tasks whose jobs ended before then; a job that its cluster has forgotten tells
    nothing.  Raises ClusterAway.
    """
    found = []
    for task in waiting:
        try:
            job = await get(f"/2/jobs/{task.job_id}", {})
        except ClusterRefused:
            continue
        end = job.get("end_ts")
        if job.get("status") not in FINAL or end is None or _us(end) >= ended_before_us:
            continue
        told = f"{task.kind} of {task.target}"
        drift = Drift(WHAT, task.id, task.cluster_id, told, job["status"])
        found.append(Unheard(task, drift, _news(job, task.job_id)))
    return found


def hear(connection: Connection, unheard: Unheard, now_us: int) -> bool:
    """
    What the news would have done is done; False when they have come meanwhile.
    """
    task = tasks.find(connection, unheard.task.id, unheard.task.effect_id)
    if task is None:
        return False
    ENDINGS.end(connection, [(task, unheard.news)], now_us)
    return True


def _news(job: Any, job_id: int) -> News:
    failed = [
        result
        for status, result in zip(job["opstatus"], job["opresult"], strict=True)
        if status == "error"
    ]
    return News(
        type="",
        event_time=(job["end_ts"][0], job["end_ts"][1]),
        status=job["status"],
        result=failed[0] if failed else None,
        job_id=job_id,
    )


def _us(stamp: Any) -> int:
    return int(stamp[0]) * 1_000_000 + int(stamp[1])
