"""
Quotas and limits as Cinder shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.quota.model import Holding

Json = dict[str, Any]
_TOTALS = {
    "volumes": ("maxTotalVolumes", "totalVolumesUsed"),
    "gigabytes": ("maxTotalVolumeGigabytes", "totalGigabytesUsed"),
    "snapshots": ("maxTotalSnapshots", "totalSnapshotsUsed"),
    "backups": ("maxTotalBackups", "totalBackupsUsed"),
    "backup_gigabytes": ("maxTotalBackupGigabytes", "totalBackupGigabytesUsed"),
}


def quota_set(found: Mapping[str, Holding], project_id: str | None, *, usage: bool) -> Json:
    """
    A project's quota set, with or without what is used.
    """
    view: Json = {}
    for name, holding in found.items():
        if usage:
            view[name] = {
                "limit": holding.limit,
                "in_use": holding.used - holding.pending,
                "reserved": holding.pending,
            }
        else:
            view[name] = holding.limit
    if project_id is not None:
        view["id"] = project_id
    return {"quota_set": view}


def quota_class_set(found: Mapping[str, Holding], name: str | None) -> Json:
    """
    The limits of a class.
    """
    return {"quota_class_set": quota_set(found, name, usage=False)["quota_set"]}


def limits(found: Mapping[str, Holding]) -> Json:
    """
    Absolute limits.  There are no rate limits here.
    """
    absolute: Json = {}
    for name, (most, used) in _TOTALS.items():
        absolute[most] = found[name].limit
        absolute[used] = found[name].used
    return {"limits": {"rate": [], "absolute": absolute}}
