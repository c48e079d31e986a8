"""
Statements of the outbox.  A wish is put in the transaction that makes it true, and leaves when
the cluster has stored it as a job of its own (or refused it).
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.wishes import Wish

Row = Any
_earlier = effects.alias("earlier")
_FIRST = ~(
    select(_earlier.c.id)
    .where(_earlier.c.target == effects.c.target, _earlier.c.serial < effects.c.serial)
    .exists()
)  # of those about its target


def put(connection: Connection, wish: Wish, now_us: int, task_id: str | None = None) -> str:
    """
    The new effect's id.  task_id: the task whose step it is (effect/rows/tasks).
    """
    effect_id = str(uuid.uuid4())
    latest = connection.execute(
        select(func.max(effects.c.serial)).where(effects.c.target == wish.target)
    ).scalar()
    connection.execute(
        insert(effects).values(
            id=effect_id,
            serial=max(now_us, (latest or 0) + 1),
            task_id=task_id,
            cluster_id=wish.cluster_id,
            kind=wish.kind,
            target=wish.target,
            method=wish.method,
            path=wish.path,
            query=wish.query,
            body=wish.body,
            attempts=0,
            next_try_at=now_us,
            created_at=now_us,
        )
    )
    return effect_id


def claim(connection: Connection, now_us: int, until_us: int, limit: int) -> list[Row]:
    """
    Effects to send now, oldest first: of each target only the first that waits.  They are not
    due again before `until_us`: until then no other sender gets them.
    """
    rows = list(
        connection.execute(
            select(effects)
            .where(effects.c.next_try_at <= now_us, _FIRST)
            .order_by(effects.c.next_try_at, effects.c.serial)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite has one writer, and leaves it out
        )
    )
    if rows:
        connection.execute(
            update(effects)
            .where(effects.c.id.in_([row.id for row in rows]))
            .values(next_try_at=until_us)
        )
    return rows


def next_due(connection: Connection) -> int | None:
    """
    When the outbox wants to be looked at again, in microseconds; None when it is empty.  What
    waits behind another is not asked for: it is looked at when that one has left.
    """
    return connection.execute(select(func.min(effects.c.next_try_at)).where(_FIRST)).scalar()


def put_off(connection: Connection, effect_id: str, next_try_at: int, error: str) -> None:
    """
    It could not be sent; try again at `next_try_at` (microseconds).
    """
    connection.execute(
        update(effects)
        .where(effects.c.id == effect_id)
        .values(attempts=effects.c.attempts + 1, next_try_at=next_try_at, error=error)
    )


def forget(connection: Connection, effect_id: str) -> bool:
    """
    Stored by the cluster, refused, or given up.  Returns whether it still waited.
    """
    gone = connection.execute(delete(effects).where(effects.c.id == effect_id))
    return gone.rowcount == 1


def waits(connection: Connection, target: str) -> bool:
    """
    Whether anything about `target` is still to be sent.
    """
    return (
        connection.execute(select(effects.c.id).where(effects.c.target == target)).first()
        is not None
    )
