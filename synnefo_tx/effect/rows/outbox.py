"""
Statements of the outbox.  A wish is put in the transaction that makes it true, and leaves when
its news has come up (or it was refused).
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.wishes import Wish

Row = Any


def put(connection: Connection, wish: Wish, now_us: int) -> str:
    """
    The new effect's id.
    """
    effect_id = str(uuid.uuid4())
    latest = connection.execute(
        select(func.max(effects.c.serial)).where(effects.c.target == wish.target)
    ).scalar()
    connection.execute(
        insert(effects).values(
            id=effect_id,
            serial=max(now_us, (latest or 0) + 1),
            cluster_id=wish.cluster_id,
            kind=wish.kind,
            target=wish.target,
            method=wish.method,
            path=wish.path,
            query=wish.query,
            body=wish.body,
            state="waiting",
            attempts=0,
            next_try_at=now_us,
            created_at=now_us,
        )
    )
    return effect_id


def due(connection: Connection, now_us: int, limit: int) -> list[Row]:
    """
    Effects to send now, oldest first: of each target only the first that waits.
    """
    earlier = effects.alias("earlier")
    blocked = (
        select(earlier.c.id)
        .where(
            earlier.c.target == effects.c.target,
            earlier.c.state == "waiting",
            earlier.c.serial < effects.c.serial,
        )
        .exists()
    )
    return list(
        connection.execute(
            select(effects)
            .where(effects.c.state == "waiting", effects.c.next_try_at <= now_us, ~blocked)
            .order_by(effects.c.next_try_at, effects.c.serial)
            .limit(limit)
        )
    )


def mark_sent(connection: Connection, effect_id: str, job_id: int) -> None:
    """
    The cluster has taken it as job `job_id`.
    """
    connection.execute(
        update(effects)
        .where(effects.c.id == effect_id)
        .values(state="sent", job_id=job_id, body=None, error=None)
    )


def put_off(connection: Connection, effect_id: str, next_try_at: int, error: str) -> None:
    """
    It could not be sent; try again at `next_try_at` (microseconds).
    """
    connection.execute(
        update(effects)
        .where(effects.c.id == effect_id)
        .values(attempts=effects.c.attempts + 1, next_try_at=next_try_at, error=error)
    )


def forget(connection: Connection, effect_id: str) -> None:
    """
    Done, or given up.
    """
    connection.execute(delete(effects).where(effects.c.id == effect_id))


def of_job(connection: Connection, cluster_id: str, job_id: int, target: str) -> Row | None:
    """
    The effect that a job's news is about, or None.
    """
    return connection.execute(
        select(effects).where(
            effects.c.target == target,
            effects.c.cluster_id == cluster_id,
            effects.c.job_id == job_id,
        )
    ).first()
