"""
The addresses that projects want their events sent to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, select, update

from synnefo_tx.errors import Conflict, NotFound
from synnefo_tx.events.place import Place
from synnefo_tx.events.rows import reading
from synnefo_tx.events.rows.tables import webhooks
from synnefo_tx.identity.rows.tables import projects

MOST_OF_A_PROJECT = 20
AT_ONCE = 20
BATCH = 100
AnyRow = Row[Any]


def add(connection: Connection, row: dict[str, Any], now_us: int) -> AnyRow:
    """
    A new one, for events from now on.  Raises Conflict when the project has too many.
    """
    of_project = webhooks.c.project_id == row["project_id"]
    there = connection.execute(select(func.count()).select_from(webhooks).where(of_project))
    if there.scalar_one() >= MOST_OF_A_PROJECT:
        raise Conflict(f"A project has no more than {MOST_OF_A_PROJECT} webhooks.")
    place = str(reading.horizon(connection, now_us // 1_000_000))
    values = {**row, "place": place, "failures": 0, "created_at": now_us}
    connection.execute(insert(webhooks).values(values))
    return find(connection, row["project_id"], row["id"])


def of_project(connection: Connection, project_id: str) -> Sequence[AnyRow]:
    """
    All of a project's, by age.
    """
    return connection.execute(
        select(webhooks)
        .where(webhooks.c.project_id == project_id)
        .order_by(webhooks.c.created_at, webhooks.c.id)
    ).all()


def find(connection: Connection, project_id: str, webhook_id: str) -> AnyRow:
    """
    Raises NotFound.
    """
    where = (webhooks.c.project_id == project_id, webhooks.c.id == webhook_id)
    row = connection.execute(select(webhooks).where(*where)).first()
    if row is None:
        raise NotFound(f"Webhook {webhook_id} could not be found.")
    return row


def remove(connection: Connection, project_id: str, webhook_id: str) -> None:
    """
    Raises NotFound.
    """
    find(connection, project_id, webhook_id)
    connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def wake(connection: Connection, projects: Collection[str] | None, now_s: int) -> None:
    """
    Those projects' (None: all) are looked at as soon as possible, but for those that wait after a
    failure.
    """
    statement = update(webhooks).where(
        webhooks.c.next_try_at.is_(None), webhooks.c.ended_reason.is_(None)
    )
    if projects is not None:
        statement = statement.where(webhooks.c.project_id.in_(projects))
    connection.execute(statement.values(next_try_at=now_s))


def due(connection: Connection, now_s: int, leave_out: Iterable[str]) -> Sequence[AnyRow]:
    """
    Some that are to be looked at.
    """
    return connection.execute(
        select(webhooks)
        .where(
            webhooks.c.next_try_at <= now_s,
            webhooks.c.ended_reason.is_(None),
            webhooks.c.id.not_in(list(leave_out)),
        )
        .order_by(webhooks.c.next_try_at, webhooks.c.id)
        .limit(AT_ONCE)
    ).all()


def taken(connection: Connection, webhook_id: str, place: Place, next_try_at: int | None) -> None:
    """
    It has all before `place`.
    """
    values = {"place": str(place), "failures": 0, "next_try_at": next_try_at}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))


def failed(
    connection: Connection,
    webhook_id: str,
    place: Place,
    failures: int,
    next_try_at: int | None,
    ended_reason: str | None,
) -> None:
    """
    It has all before `place`, and is tried again then, or with a reason never.
    """
    values = {
        "place": str(place),
        "failures": failures,
        "next_try_at": next_try_at,
        "ended_reason": ended_reason,
    }
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))


def forget_gone(connection: Connection) -> None:
    """
    Those of projects that are there no more go.
    """
    there = select(projects.c.id).where(projects.c.id == webhooks.c.project_id)
    connection.execute(delete(webhooks).where(~exists(there)))


def seal_anew(connection: Connection, seal: Callable[[str], str], after: str = "") -> str | None:
    """
    See credentials.seal_anew.
    """
    rows = connection.execute(
        select(webhooks.c.id, webhooks.c.secret)
        .where(webhooks.c.id > after)
        .order_by(webhooks.c.id)
        .limit(BATCH)
        .with_for_update()
    ).all()
    for row in rows:
        this = update(webhooks).where(webhooks.c.id == row.id)
        connection.execute(this.values(secret=seal(row.secret)))
    return rows[-1].id if rows else None
