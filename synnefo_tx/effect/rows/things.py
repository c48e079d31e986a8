"""
Which things stand at which clusters, and making them as the rows want them.

A change raises the revision that is wanted; a task brings the cluster to it, one at a time for each
thing and cluster, and the next begins when it has ended and more has changed since.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.effect.forms import FORMS
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.rows.tasks_tables import tasks as tasks_table
from synnefo_tx.effect.rows.things_tables import cluster_things
from synnefo_tx.effect.tasks import Asked, Step

PENDING, ACTIVE, ERROR, LEAVING = "PENDING", "ACTIVE", "ERROR", "LEAVING"
APPLY, REMOVE = "thing.apply", "thing.remove"


@frozen
class Thing:
    """
    kind: key in effect/forms.FORMS.
    """

    kind: str
    id: str


def find(connection: Connection, thing: Thing, cluster_id: str) -> Any:
    """
    Its row at the cluster, None when it was never asked for there.
    """
    return connection.execute(
        select(cluster_things).where(*_is(thing), cluster_things.c.cluster_id == cluster_id)
    ).first()


def ensure(connection: Connection, thing: Thing, cluster_id: str, now_us: int) -> Any:
    """
    Its row at the cluster.  When it is not there yet, or failed to come up, it is asked for
    (again).
    """
    row = _lock(connection, thing, cluster_id)
    if row is None:
        connection.execute(
            insert(cluster_things).values(
                kind=thing.kind,
                thing_id=thing.id,
                cluster_id=cluster_id,
                state=PENDING,
                wanted_revision=1,
                applied_revision=0,
                changed_at=now_us,
            )
        )
    elif row.state != ERROR:
        return row
    _begin(connection, _lock(connection, thing, cluster_id), now_us)
    return _lock(connection, thing, cluster_id)


def want(connection: Connection, thing: Thing, now_us: int) -> bool:
    """
    It has changed: every cluster that has it shall have it so.  True when a wish was written (the
    caller kicks the performer after its commit).
    """
    return _want(connection, _is(thing), now_us)


def want_at(connection: Connection, kind: str, cluster_id: str, now_us: int) -> bool:
    """
    The cluster has changed: all that it has of this kind shall be as it must be there now.
    """
    here = cluster_things.c.kind == kind, cluster_things.c.cluster_id == cluster_id
    return _want(connection, here, now_us)


def leave(connection: Connection, thing: Thing, now_us: int) -> bool:
    """
    It is no more: every cluster that has it shall have it no longer.  True when a wish was written.
    """
    connection.execute(
        update(cluster_things).where(*_is(thing)).values(state=LEAVING, changed_at=now_us)
    )
    return _begin_idle(connection, _is(thing), now_us)


def failed(connection: Connection) -> list[Any]:
    """
    The rows of which a cluster could not bring about, or take away, what is wanted, and that nobody
    tries again.
    """
    columns = cluster_things.c
    return list(
        connection.execute(
            select(cluster_things)
            .where(columns.state.in_((ERROR, LEAVING)), columns.task_id.is_(None))
            .order_by(columns.kind, columns.thing_id, columns.cluster_id)
        )
    )


def try_again(connection: Connection, row: Any, now_us: int) -> None:
    """
    What is wanted of one that had failed is asked for once more, unless that has been done.
    """
    here = _lock(connection, Thing(row.kind, row.thing_id), row.cluster_id)
    if here is not None and here.task_id is None and here.state in (ERROR, LEAVING):
        _begin(connection, here, now_us)


def job_to_wait_for(connection: Connection, row: Any) -> int | None:
    """
    The job with whose success the thing of this row stands; None when it is still to be asked for.
    """
    task = connection.execute(select(tasks_table).where(tasks_table.c.id == row.task_id)).first()
    if task is None or task.step + 1 < len(task.steps):
        return None
    job_id: int | None = task.job_id
    return job_id


def applied(connection: Connection, task: Any, now_us: int) -> None:
    """
    The task has brought its cluster to the revision in its context.
    """
    row = _of_task(connection, task)
    if row is None:
        return
    state = LEAVING if row.state == LEAVING else ACTIVE
    _keep(
        connection,
        row,
        {"state": state, "applied_revision": task.context["revision"], "message": None},
        now_us,
    )
    _again(connection, row, task.context["revision"], now_us)


def not_applied(connection: Connection, task: Any, message: str, now_us: int) -> None:
    """
    It has not: it is tried again when something has changed since, or when it is needed.
    """
    row = _of_task(connection, task)
    if row is None:
        return
    state = LEAVING if row.state == LEAVING else ERROR
    _keep(connection, row, {"state": state, "message": message}, now_us)
    _again(connection, row, task.context["revision"], now_us)


def left(connection: Connection, task: Any) -> None:
    """
    The cluster has the thing no more.
    """
    row = _of_task(connection, task)
    if row is not None:
        connection.execute(delete(cluster_things).where(*_at(row)))


def not_left(connection: Connection, task: Any, message: str, now_us: int) -> None:
    """
    It could not be taken away: reconciliation finds it.
    """
    row = _of_task(connection, task)
    if row is not None:
        _keep(connection, row, {"message": message}, now_us)


def _want(connection: Connection, which: tuple[Any, ...], now_us: int) -> bool:
    this = (*which, cluster_things.c.state != LEAVING)
    connection.execute(
        update(cluster_things)
        .where(*this)
        .values(wanted_revision=cluster_things.c.wanted_revision + 1, changed_at=now_us)
    )
    return _begin_idle(connection, this, now_us)


def _begin_idle(connection: Connection, which: tuple[Any, ...], now_us: int) -> bool:
    idle = connection.execute(
        select(cluster_things).where(*which, cluster_things.c.task_id.is_(None))
    ).all()
    for row in idle:
        _begin(connection, row, now_us)
    return bool(idle)


def _again(connection: Connection, row: Any, revision: int, now_us: int) -> None:
    if row.state == LEAVING or row.wanted_revision > revision:
        _begin(connection, row, now_us)


def _begin(connection: Connection, row: Any, now_us: int) -> None:
    """
    Ask for the row's state.  A thing of which nothing is to be done is so already.
    """
    form = FORMS[row.kind]
    is_leaving = row.state == LEAVING
    steps: tuple[Step, ...] = (form.gone if is_leaving else form.stands)(
        connection, row.thing_id, row.cluster_id
    )
    if not steps:
        return
    asked = Asked(
        kind=REMOVE if is_leaving else APPLY,
        target=row.thing_id,
        steps=steps,
        context={
            "kind": row.kind,
            "cluster_id": row.cluster_id,
            "revision": row.wanted_revision,
        },
    )
    values: dict[str, Any] = {"task_id": tasks.begin(connection, asked, now_us)}
    if row.state == ERROR:
        values["state"] = PENDING
    connection.execute(update(cluster_things).where(*_at(row)).values(**values))


def _lock(connection: Connection, thing: Thing, cluster_id: str) -> Any:
    return connection.execute(
        select(cluster_things)
        .where(*_is(thing), cluster_things.c.cluster_id == cluster_id)
        .with_for_update()
    ).first()


def _of_task(connection: Connection, task: Any) -> Any:
    return connection.execute(
        select(cluster_things).where(cluster_things.c.task_id == task.id).with_for_update()
    ).first()


def _keep(connection: Connection, row: Any, values: dict[str, Any], now_us: int) -> None:
    connection.execute(
        update(cluster_things).where(*_at(row)).values(**values, task_id=None, changed_at=now_us)
    )


def _is(thing: Thing) -> tuple[Any, ...]:
    return cluster_things.c.kind == thing.kind, cluster_things.c.thing_id == thing.id


def _at(row: Any) -> tuple[Any, ...]:
    return *_is(Thing(row.kind, row.thing_id)), cluster_things.c.cluster_id == row.cluster_id
