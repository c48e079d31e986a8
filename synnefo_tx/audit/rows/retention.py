"""
Old lines of the audit log go, and a new line tells it.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert

from synnefo_tx.audit.rows.tables import audit_log, audit_retention
from synnefo_tx.errors import BadRequest

DAY_US = 24 * 3600 * 1_000_000
LEAST_KEPT_US = 30 * DAY_US


class TooYoung(BadRequest):
    """
    Lines that have to be kept for longer.
    """

    def __init__(self) -> None:
        super().__init__(f"Lines are kept for {LEAST_KEPT_US // DAY_US} days at least.")


def expire(connection: Connection, before_us: int, user_id: str, now_us: int) -> int:
    """
    How many lines from before `before_us` are gone now.  user_id: who decides it.  Raises TooYoung.
    """
    if before_us > now_us - LEAST_KEPT_US:
        raise TooYoung
    connection.execute(
        insert(audit_retention).values(at_us=now_us, before_us=before_us, user_id=user_id)
    )
    return connection.execute(delete(audit_log).where(audit_log.c.at_us < before_us)).rowcount
