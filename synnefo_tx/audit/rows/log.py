"""
Units of work on the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.tables import audit_log

_INSERT = insert(audit_log)  # every log-in writes a line: built once


def append(connection: Connection, entry: Entry, now_us: int) -> None:
    """
    Write `entry` down, in the transaction of what it tells.  now_us: microseconds.
    """
    connection.execute(_INSERT, _row(entry, now_us))


def append_all(connection: Connection, lines: Sequence[tuple[Entry, int]]) -> None:
    """
    The same of many at once, each with its microseconds.
    """
    connection.execute(_INSERT, [_row(entry, at_us) for entry, at_us in lines])


def _row(entry: Entry, now_us: int) -> dict[str, Any]:
    return {
        "at_us": now_us,
        "action": entry.action,
        "outcome": entry.outcome,
        "user_id": entry.user_id,
        "project_id": entry.project_id,
        "target_kind": entry.target_kind,
        "target_id": entry.target_id[:255],
        "address": entry.address[:64],
        "request_id": entry.request_id,
        "details": dict(entry.details),
    }
