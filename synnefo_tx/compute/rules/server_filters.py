"""
The names that the query of a list of servers may hold, per microversion.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.microversions import Version

# Keys that Nova sorts by, and those that it passes over for old clients' sake.
SORT_KEYS = (
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "availability_zone",
    "config_drive",
    "created_at",
    "display_description",
    "display_name",
    "host",
    "hostname",
    "image_ref",
    "instance_type_id",
    "kernel_id",
    "key_name",
    "launch_index",
    "launched_at",
    "locked_by",
    "node",
    "power_state",
    "progress",
    "project_id",
    "ramdisk_id",
    "root_device_name",
    "task_state",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
    "vm_state",
)
PASSED_OVER = (
    "architecture",
    "cell_name",
    "cleaned",
    "default_ephemeral_device",
    "default_swap_device",
    "deleted",
    "deleted_at",
    "disable_terminate",
    "ephemeral_gb",
    "ephemeral_key_uuid",
    "id",
    "key_data",
    "launched_on",
    "locked",
    "memory_mb",
    "os_type",
    "reservation_id",
    "root_gb",
    "shutdown_terminate",
    "user_data",
    "vcpus",
    "vm_mode",
)
JOINED = (
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
)
PATTERNS = (
    "name",
    "display_name",
    "description",
    "display_description",
    "hostname",
    "ip",
    "ip6",
)
EXACT = (
    "flavor",
    "image",
    "image_ref",
    "reservation_id",
    "uuid",
    "host",
    "node",
    "key_name",
    "availability_zone",
    "config_drive",
    "vm_state",
    "task_state",
    "power_state",
    "progress",
    "user_id",
    "project_id",
    "tenant_id",
    "launch_index",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
)
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
_OTHER = (
    "kernel_id",
    "ramdisk_id",
    "launched_at",
    "terminated_at",
    "created_at",
    "locked_by",
    "root_device_name",
    "sort_dir",
    "all_tenants",
    "soft_deleted",
    "deleted",
    "status",
)


@lru_cache(maxsize=16)
def list_schema(version: Version) -> NovaSchema:
    """
    What the query may hold.
    """
    keys = SORT_KEYS if version >= (2, 75) else (*SORT_KEYS, *PASSED_OVER)
    if version >= (2, 73):
        keys = (*keys, "locked")
    plain = p.many({"type": "string"})
    pattern = p.many({"type": "string", "format": "regex"})
    moment = p.many({"type": "string", "format": "date-time"})
    properties: dict[str, Any] = dict.fromkeys((*EXACT, *JOINED, *_OTHER), plain)
    properties |= dict.fromkeys(PATTERNS, pattern)
    properties |= {
        "sort_key": p.many({"type": "string", "enum": list(dict.fromkeys(keys))}),
        "changes-since": moment,
        **p.PAGING,
    }
    if version >= (2, 26):
        properties |= dict.fromkeys(TAG_FILTERS, pattern)
    if version >= (2, 66):
        properties["changes-before"] = moment
    if version >= (2, 73):
        properties["locked"] = plain
    return NovaSchema(
        {
            "type": "object",
            "properties": properties,
            "patternProperties": {"^_": plain},
            "additionalProperties": version < (2, 75),
        }
    )
