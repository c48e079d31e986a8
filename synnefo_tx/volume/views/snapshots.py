"""
Snapshots as Cinder shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.volume.views.times import changed, moment
from synnefo_tx.volume.views.volumes import Json, Look


def summary(row: Any, look: Look) -> Json:
    """
    As in a list that is not in detail, and as answered to whoever makes one.
    """
    view: Json = {
        "id": row.id,
        "created_at": moment(row.created_at),
        "updated_at": changed(row.created_at, row.updated_at),
        "name": row.name,
        "description": row.description,
        "volume_id": row.volume_id,
        "status": row.status,
        "size": row.size_gib,
        "metadata": row.metadata,
    }
    if look.version >= (3, 41):
        view["user_id"] = row.user_id
    if look.version >= (3, 65):
        view["consumes_quota"] = True
    return view


def full(row: Any, look: Look) -> Json:
    """
    One, and as in a list in detail.
    """
    view = summary(row, look) | {
        "os-extended-snapshot-attributes:progress": (
            row.progress or ("100%" if row.status == "available" else "0%")
        ),
        "os-extended-snapshot-attributes:project_id": row.project_id,
    }
    if look.version >= (3, 14):
        view["group_snapshot_id"] = None
    return view
