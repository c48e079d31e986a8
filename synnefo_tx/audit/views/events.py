"""
Lines of the audit log as JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event_view(line: Any) -> dict[str, Any]:
    """
    line: a row of the log.
    """
    return {
        "id": str(line.id),
        "at": moment_text(line.at_us),
        "action": line.action,
        "outcome": line.outcome,
        "user_id": line.user_id or None,
        "project_id": line.project_id or None,
        "target": {"type": line.target_kind, "id": line.target_id},
        "address": line.address or None,
        "request_id": line.request_id or None,
        "details": line.details,
    }


def moment_text(at_us: int) -> str:
    """
    "2026-11-25T03:10:38.123456Z".
    """
    return (EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
