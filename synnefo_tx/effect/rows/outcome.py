"""
What follows, in the rows, from a cluster's answer to a wish.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.rows import outbox
from synnefo_tx.update.apply import Known
from synnefo_tx.update.rows import facts


def taken(connection: Connection, effect: Any, job_id: int) -> None:
    """
    The cluster has stored the wish as job `job_id`.
    """
    outbox.forget(connection, effect.id)
    if effect.kind == "server.create":
        # Unless the news was quicker than the answer.
        connection.execute(
            update(servers)
            .where(servers.c.id == effect.target, servers.c.task_state == "scheduling")
            .values(task_state="spawning")
        )


def refused(connection: Connection, effect: Any, message: str, now_us: int) -> None:
    """
    The cluster will not do it: the user sees an error, and what was charged for it is returned.

    Nothing, if another sender settled it before; what was asked of the server since stays asked.
    """
    if not outbox.forget(connection, effect.id):
        return
    row = connection.execute(
        select(servers).where(servers.c.id == effect.target, servers.c.deleted_at.is_(None))
    ).first()
    if row is None:
        return
    task_left = None if row.task_effect_id == effect.id else row.task_state
    if effect.kind == "server.create":
        facts.never_built(connection, row, message, now_us, task_left)
    else:
        known = Known(row.vm_state, task_left, row.power_state, row.as_of)
        facts.task_failed(connection, row, message, now_us, known)
