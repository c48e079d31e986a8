"""
Rows of compute that are good for nothing any more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from synnefo_tx.compute.rows.action_tables import server_action_events, server_actions
from synnefo_tx.compute.rows.tables import servers

SHOWN_S = 30 * 24 * 3600  # what was done to a server, after it was deleted


def forget_old(connection: Connection, now_s: int) -> None:
    """
    What was done to servers that were deleted a month ago.  Reads servers whole.
    """
    before_us = (now_s - SHOWN_S) * 1_000_000
    gone = select(servers.c.id).where(servers.c.deleted_at < before_us)
    for table in (server_action_events, server_actions):
        connection.execute(delete(table).where(table.c.server_id.in_(gone)))
