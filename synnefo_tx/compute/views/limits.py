"""
Limits and quotas as Nova shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import frozen

from synnefo_tx.compute.rules.create_request import (
    MAX_FILE_BYTES,
    MAX_FILE_PATH,
    MAX_FILES,
    MAX_METADATA,
)
from synnefo_tx.http.microversions import Version

Json = dict[str, Any]


class Held(Protocol):
    """
    A limit, -1 for none, and what is used of it.
    """

    @property
    def limit(self) -> int: ...

    @property
    def used(self) -> int: ...


@frozen
class Fixed:
    """
    A limit that is the same for everybody.
    """

    limit: int
    used: int = 0


_NETWORKING = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
_FILES = ("injected_file_content_bytes", "injected_file_path_bytes", "injected_files")
_LIMIT_NAMES = {
    "cores": ("maxTotalCores",),
    "injected_files": ("maxPersonality",),
    "injected_file_content_bytes": ("maxPersonalitySize",),
    "instances": ("maxTotalInstances",),
    "key_pairs": ("maxTotalKeypairs",),
    "metadata_items": ("maxServerMeta", "maxImageMeta"),
    "ram": ("maxTotalRAMSize",),
    "server_groups": ("maxServerGroups",),
    "server_group_members": ("maxServerGroupMembers",),
    "floating_ips": ("maxTotalFloatingIps",),
    "security_groups": ("maxSecurityGroups",),
    "security_group_rules": ("maxSecurityGroupRules",),
}
_USED_NAMES = {
    "ram": "totalRAMUsed",
    "cores": "totalCoresUsed",
    "instances": "totalInstancesUsed",
    "floating_ips": "totalFloatingIpsUsed",
    "security_groups": "totalSecurityGroupsUsed",
    "server_groups": "totalServerGroupsUsed",
}


def quotas(held: Mapping[str, Held], version: Version, max_keypairs: int) -> dict[str, Held]:
    """
    Every resource that Nova counts, in its order.  What does not exist here has the limit 0.
    """
    none = Fixed(0)
    found: dict[str, Held] = {
        "cores": held["cores"],
        "fixed_ips": Fixed(-1),
        "floating_ips": none,
        "injected_file_content_bytes": Fixed(MAX_FILE_BYTES),
        "injected_file_path_bytes": Fixed(MAX_FILE_PATH),
        "injected_files": Fixed(MAX_FILES),
        "instances": held["instances"],
        "key_pairs": Fixed(max_keypairs),
        "metadata_items": Fixed(MAX_METADATA),
        "ram": held["ram"],
        "security_group_rules": none,
        "security_groups": none,
        "server_group_members": none,
        "server_groups": none,
    }
    hidden: tuple[str, ...] = _NETWORKING if version >= (2, 36) else ()
    if version >= (2, 57):
        hidden += _FILES
    return {name: holding for name, holding in found.items() if name not in hidden}


def quota_set(project_id: str, found: Mapping[str, Held], detailed: bool) -> Json:
    """
    A project's quota set, with or without what is used.
    """
    view: Json = {"id": project_id}
    for name, holding in found.items():
        if detailed:
            view[name] = {"limit": holding.limit, "in_use": holding.used, "reserved": 0}
        else:
            view[name] = holding.limit
    return {"quota_set": view}


def limits(found: Mapping[str, Held], version: Version) -> Json:
    """
    Absolute limits.  There are no rate limits here.
    """
    absolute: Json = {}
    for resource, names in _LIMIT_NAMES.items():
        for name in names:
            gone = name == "maxImageMeta" and version >= (2, 39)
            if resource in found and not gone:
                absolute[name] = found[resource].limit
    for resource, name in _USED_NAMES.items():
        if resource in found:
            absolute[name] = found[resource].used
    return {"limits": {"rate": [], "absolute": absolute}}
