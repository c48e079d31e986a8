"""
Units of work on the audit log.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.tables import audit_log


def append(connection: Connection, entry: Entry, now_us: int) -> None:
    """
    Write `entry` down, in the transaction of what it tells.  now_us: microseconds.
    """
    connection.execute(
        insert(audit_log).values(
            at_us=now_us,
            action=entry.action,
            outcome=entry.outcome,
            user_id=entry.user_id,
            project_id=entry.project_id,
            target_kind=entry.target_kind,
            target_id=entry.target_id[:255],
            address=entry.address[:64],
            request_id=entry.request_id,
            details=dict(entry.details),
        )
    )
