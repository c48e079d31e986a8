"""
Volumes and snapshots as Nova showed them until 2.35.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.compute.views.times import bare
from synnefo_tx.volume.rules.types import DEFAULT

Json = dict[str, Any]


def volume(row: Any, attached: Sequence[Any]) -> Json:
    """
    attached: its attachments; a volume without any has one that is empty.
    """
    shown = [
        {
            "id": one.volume_id,
            "volumeId": one.volume_id,
            "serverId": one.server_id,
            "device": one.mountpoint,
        }
        for one in attached
        if one.status == "attached" and one.server_id is not None
    ]
    return {
        "id": row.id,
        "status": row.status,
        "size": row.size_gib,
        "availabilityZone": ZONE,
        "createdAt": bare(row.created_at),
        "displayName": row.name,
        "displayDescription": row.description,
        "volumeType": DEFAULT.name,
        "snapshotId": row.snapshot_id,
        "metadata": row.metadata,
        "attachments": shown or [{}],
    }


def snapshot(row: Any) -> Json:
    """
    One, also in lists.
    """
    return {
        "id": row.id,
        "volumeId": row.volume_id,
        "status": row.status,
        "size": row.size_gib,
        "createdAt": bare(row.created_at),
        "displayName": row.name,
        "displayDescription": row.description,
    }
