"""
Limits and quotas as Nova shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from synnefo_tx.compute.rules.quotas import FIXED, hidden, hidden_of_class
from synnefo_tx.http.microversions import Version
from synnefo_tx.quota.model import Holding

Json = dict[str, Any]

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


def quotas(held: Mapping[str, Holding], version: Version) -> dict[str, Holding]:
    """
    Every resource that Nova lists, in its order.
    """
    return _without(held, hidden(version))


def class_quotas(held: Mapping[str, Holding], version: Version) -> dict[str, Holding]:
    """
    The same of a quota class.
    """
    return _without(held, hidden_of_class(version))


def _without(held: Mapping[str, Holding], gone: Collection[str]) -> dict[str, Holding]:
    found = {**held, **FIXED}
    return {name: found[name] for name in sorted(found) if name not in gone}


def quota_set(found: Mapping[str, Holding], project_id: str | None, *, detailed: bool) -> Json:
    """
    A project's quota set, with or without what is used.
    """
    view: Json = {} if project_id is None else {"id": project_id}
    for name, holding in found.items():
        if detailed:
            view[name] = {
                "limit": holding.limit,
                "in_use": holding.used - holding.pending,
                "reserved": holding.pending,
            }
        else:
            view[name] = holding.limit
    return {"quota_set": view}


def quota_class_set(found: Mapping[str, Holding], name: str | None) -> Json:
    """
    A class's limits.
    """
    return {"quota_class_set": quota_set(found, name, detailed=False)["quota_set"]}


def limits(found: Mapping[str, Holding], version: Version) -> Json:
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
