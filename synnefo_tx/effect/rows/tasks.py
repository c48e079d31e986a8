"""
Statements of tasks: beginning one, noting what was sent, and finding the one that news end.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import asdict
from sqlalchemy import Connection, insert, or_, select, update

from synnefo_tx.effect.rows import outbox
from synnefo_tx.effect.rows.tasks_tables import tasks
from synnefo_tx.effect.tasks import Asked, Step
from synnefo_tx.effect.wishes import Wish

AnyRow = Any
GOING, UNDOING, DONE, FAILED = "going", "undoing", "done", "failed"
MOST_WAITING = 200
_OPEN = tasks.c.state.in_((GOING, UNDOING))


def begin(connection: Connection, asked: Asked, now_us: int) -> str:
    """
    The new task's id; its first wish is in the outbox.  The caller kicks the performer once its
    transaction is committed.
    """
    if not asked.steps:
        raise ValueError(f"{asked.kind} has no steps")
    task_id = str(uuid.uuid4())
    connection.execute(
        insert(tasks).values(
            id=task_id,
            kind=asked.kind,
            target=asked.target,
            steps=[_stored(step) for step in asked.steps],
            step=0,
            context=asked.context,
            state=GOING,
            request_id=asked.request_id,
            user_id=asked.user_id,
            created_at=now_us,
        )
    )
    _send(connection, task_id, asked.steps[0].wish, now_us)
    return task_id


def find(connection: Connection, task_id: str, effect_id: str) -> AnyRow | None:
    """
    The task, if this effect is its step under way; nobody else changes it until our transaction
    ends.
    """
    return connection.execute(
        select(tasks)
        .where(tasks.c.id == task_id, tasks.c.effect_id == effect_id, _OPEN)
        .with_for_update()
    ).first()


def under_way(connection: Connection, target: str) -> list[AnyRow]:
    """
    The tasks about `target` that have not ended, oldest first.
    """
    return list(
        connection.execute(
            select(tasks)
            .where(tasks.c.target == target, _OPEN)
            .order_by(tasks.c.created_at, tasks.c.id)
        )
    )


def waiting_since(connection: Connection, cluster_id: str, before_us: int) -> list[AnyRow]:
    """
    The tasks begun before then that wait for a job of this cluster; of very many the oldest.
    """
    return list(
        connection.execute(
            select(tasks)
            .where(
                _OPEN,
                tasks.c.cluster_id == cluster_id,
                tasks.c.job_id.is_not(None),
                tasks.c.created_at < before_us,
            )
            .order_by(tasks.c.created_at, tasks.c.id)
            .limit(MOST_WAITING)
        )
    )


def sent(connection: Connection, task_id: str, job_id: int) -> None:
    """
    The cluster has stored the step under way as job `job_id`.
    """
    connection.execute(update(tasks).where(tasks.c.id == task_id).values(job_id=job_id))


def go_on(connection: Connection, task: AnyRow, now_us: int) -> bool:
    """
    The step under way has succeeded: send the next one.  False when there is none.
    """
    if task.step + 1 >= len(task.steps):
        return False
    _send(connection, task.id, _wish(task.steps[task.step + 1]["wish"]), now_us, task.step + 1)
    return True


def undo(connection: Connection, task: AnyRow, message: str, now_us: int) -> bool:
    """
    The task has failed because of `message`: take back the latest step before the one under way
    that can be.  False when there is none.
    """
    for step in reversed(range(task.step)):
        wish = task.steps[step]["undo"]
        if wish is not None:
            connection.execute(
                update(tasks).where(tasks.c.id == task.id).values(state=UNDOING, message=message)
            )
            _send(connection, task.id, _wish(wish), now_us, step)
            return True
    return False


def end(connection: Connection, task: AnyRow, message: str | None, now_us: int) -> None:
    """
    The task is over: done, or failed because of `message`.  What was asked is kept no longer:
    passwords and config drives are in it.
    """
    state = DONE if message is None else FAILED
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task.id)
        .values(state=state, message=message, ended_at=now_us, steps=[])
    )


def of_jobs(
    connection: Connection, effect_ids: set[str], jobs: set[tuple[str | None, int]]
) -> list[AnyRow]:
    """
    The tasks whose step under way is one of these effects, or was stored as one of these jobs
    (cluster's id, job's id); nobody else changes them until our transaction ends.
    """
    if not effect_ids and not jobs:
        return []
    by_job = tasks.c.job_id.in_({job_id for _, job_id in jobs})
    found = connection.execute(
        select(tasks)
        .where(
            _OPEN,
            or_(tasks.c.effect_id.in_(effect_ids), by_job)
            if jobs
            else tasks.c.effect_id.in_(effect_ids),
        )
        .order_by(tasks.c.id)
        .with_for_update()
    )
    return [
        row for row in found if row.effect_id in effect_ids or (row.cluster_id, row.job_id) in jobs
    ]


def _send(connection: Connection, task_id: str, wish: Wish, now_us: int, step: int = 0) -> None:
    effect_id = outbox.put(connection, wish, now_us, task_id)
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id)
        .values(step=step, effect_id=effect_id, cluster_id=wish.cluster_id, job_id=None)
    )


def _stored(step: Step) -> dict[str, Any]:
    return asdict(step)


def _wish(stored: dict[str, Any]) -> Wish:
    return Wish(**stored)
