"""
Attachments as Cinder's own API shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.volume.views.times import moment

Json = dict[str, Any]


def summary(row: Any) -> Json:
    """
    As in a list that is not in detail.
    """
    return {
        "id": row.id,
        "status": row.status,
        "instance": row.server_id,
        "volume_id": row.volume_id,
    }


def full(row: Any, connection_info: Json) -> Json:
    """
    One, and as in a list in detail.  connection_info: {} before somebody has connected it.
    """
    at = moment(row.attached_at) if row.attached_at is not None else ""
    return summary(row) | {
        "attached_at": at,
        "detached_at": "",
        "attach_mode": row.mode,
        "connection_info": connection_info,
    }
