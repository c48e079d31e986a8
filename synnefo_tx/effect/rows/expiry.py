"""
Rows of the effect path that are good for nothing any more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete

from synnefo_tx.effect.rows.tasks_tables import tasks

KEPT_S = 7 * 24 * 3600  # tasks that have ended


def forget_old(connection: Connection, now_s: int) -> None:
    """
    Tasks that ended a week ago.  Reads the table whole.
    """
    connection.execute(delete(tasks).where(tasks.c.ended_at < (now_s - KEPT_S) * 1_000_000))
