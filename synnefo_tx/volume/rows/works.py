"""
Statements of the outbox to storage.  A work is put in the transaction that makes it true, and
leaves in the one that writes down what became of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from synnefo_tx.volume.rows.tables import block_works
from synnefo_tx.volume.rules.works import Step

Work = Any
_earlier = block_works.alias("earlier")
_FIRST = ~(
    select(_earlier.c.id)
    .where(_earlier.c.target == block_works.c.target, _earlier.c.serial < block_works.c.serial)
    .exists()
)  # of those about its target


def put(
    connection: Connection,
    kind: str,
    target: str,
    steps: Sequence[Step],
    now_us: int,
    context: dict[str, Any] | None = None,
) -> None:
    """
    kind: key in ends.ENDS.  target: the volume's or snapshot's id; works of one are done in the
    order in which they were put.
    """
    latest = connection.execute(
        select(func.max(block_works.c.serial)).where(block_works.c.target == target)
    ).scalar()
    connection.execute(
        insert(block_works).values(
            id=str(uuid.uuid4()),
            serial=max(now_us, (latest or 0) + 1),
            kind=kind,
            target=target,
            steps=[list(step) for step in steps],
            context=context or {},
            attempts=0,
            next_try_at=now_us,
            created_at=now_us,
        )
    )


def claim(connection: Connection, now_us: int, until_us: int, limit: int) -> list[Work]:
    """
    Works to do now, oldest first: of each target only the first that waits.  Nobody else gets
    them before `until_us`.
    """
    rows = list(
        connection.execute(
            select(block_works)
            .where(block_works.c.next_try_at <= now_us, _FIRST)
            .order_by(block_works.c.next_try_at, block_works.c.serial)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    if rows:
        these = block_works.c.id.in_([row.id for row in rows])
        connection.execute(update(block_works).where(these).values(next_try_at=until_us))
    return rows


def next_due(connection: Connection) -> int | None:
    """
    When there is something to do again, microseconds; None when nothing waits.
    """
    return connection.execute(select(func.min(block_works.c.next_try_at)).where(_FIRST)).scalar()


def put_off(connection: Connection, work_id: str, next_try_at: int, error: str) -> None:
    """
    Storage could not do it now.
    """
    connection.execute(
        update(block_works)
        .where(block_works.c.id == work_id)
        .values(attempts=block_works.c.attempts + 1, next_try_at=next_try_at, error=error)
    )


def forget(connection: Connection, work_id: str) -> bool:
    """
    It is settled.  False when another had done that before.
    """
    return connection.execute(delete(block_works).where(block_works.c.id == work_id)).rowcount == 1
