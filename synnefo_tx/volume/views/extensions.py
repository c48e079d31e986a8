"""
Extensions of Cinder's API that are here.  Pure.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_EXTENSIONS = {
    "os-availability-zone": "AvailabilityZones",
    "os-quota-sets": "Quotas",
    "os-quota-class-sets": "QuotaClasses",
    "os-used-limits": "UsedLimits",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-actions": "VolumeActions",
    "os-admin-actions": "AdminActions",
    "os-snapshot-actions": "SnapshotActions",
    "os-extended-snapshot-attributes": "ExtendedSnapshotAttributes",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-mig-status-attr": "VolumeMigStatusAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
}


def all_extensions() -> list[Json]:
    """
    By their aliases.
    """
    return [
        {
            "alias": alias,
            "name": name,
            "description": name,
            "updated": "2014-01-01T00:00:00+00:00",
            "links": [],
            "namespace": "",
        }
        for alias, name in sorted(_EXTENSIONS.items())
    ]
