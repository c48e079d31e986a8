"""
The query of a list of servers, per microversion.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.name_patterns import check_pattern
from synnefo_tx.compute.rules.paging import limit_and_marker
from synnefo_tx.compute.rules.states import StateFilter, filters_of, is_status
from synnefo_tx.compute.rules.validation import NovaSchema, moment_us
from synnefo_tx.errors import BadRequest, Forbidden
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
_FOR_ALL = {"reservation_id", "name", "image", "flavor", "ip"}
_FOR_ALL_SINCE = {
    (2, 5): {"ip6"},
    (2, 83): {
        "availability_zone",
        "config_drive",
        "key_name",
        "power_state",
        "task_state",
        "vm_state",
        "progress",
        "user_id",
    },
}


@frozen(kw_only=True)
class ServerQuery:
    """
    states: None for any.  deleted: None for both.  Times are microseconds.  tags: kind -> names.
    """

    patterns: tuple[tuple[str, str], ...]
    exact: tuple[tuple[str, str], ...]
    states: tuple[StateFilter, ...] | None
    tags: tuple[tuple[str, tuple[str, ...]], ...]
    changed_since: int | None
    changed_before: int | None
    deleted: bool | None
    all_projects: bool
    order: tuple[tuple[str, bool], ...]
    limit: int
    marker: str | None


def parse(
    pairs: Sequence[tuple[str, str]], version: Version, is_admin: bool, name: str
) -> ServerQuery:
    """
    name: "index" or "detail", for the refusal's text.  Raises BadRequest or Forbidden.
    """
    query = list_schema(version).check_query(pairs)
    allowed = _allowed(version, is_admin)
    for key in query:
        if is_admin and (key in JOINED or key.startswith("_")):
            raise BadRequest(f"Invalid filter field: {key}.")
    last = {key: values[-1] for key, values in query.items()}
    states = _states(query.get("status"), version)
    if not is_admin and query.get("status") and _only_deleted(query["status"]):
        raise Forbidden("Only administrators may list deleted instances")
    since, before = _moments(last, version)
    all_projects = _all_tenants(last)
    if all_projects and not is_admin:
        raise Forbidden(
            f"Policy doesn't allow os_compute_api:servers:{name}:get_all_tenants to be performed."
        )
    return ServerQuery(
        patterns=tuple(
            (key, check_pattern(key, last[key]))
            for key in PATTERNS
            if key in last and key in allowed
        ),
        exact=tuple(
            (key, last[key])
            for key in EXACT
            if key in last and key in allowed and (all_projects or key != "tenant_id")
        ),
        states=states,
        tags=_tags(last, version),
        changed_since=since,
        changed_before=before,
        deleted=_deleted(last, is_admin, since is not None or before is not None),
        all_projects=all_projects,
        order=_order(query),
        limit=limit_and_marker(query)[0],
        marker=limit_and_marker(query)[1],
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


def _allowed(version: Version, is_admin: bool) -> set[str]:
    if is_admin:
        return {*PATTERNS, *EXACT}
    allowed = set(_FOR_ALL)
    for since, more in _FOR_ALL_SINCE.items():
        if version >= since:
            allowed |= more
    return allowed


def _states(statuses: list[str] | None, version: Version) -> tuple[StateFilter, ...] | None:
    if statuses is None:
        return None
    known = [text for text in statuses if is_status(text)]
    if not known and version >= (2, 38):
        raise BadRequest("Invalid status value")
    return tuple(filters_of(known))


def _only_deleted(statuses: list[str]) -> bool:
    return all(text.upper() == "DELETED" for text in statuses)


def _moments(last: dict[str, str], version: Version) -> tuple[int | None, int | None]:
    since = moment_us(last["changes-since"]) if "changes-since" in last else None
    before = None
    if version >= (2, 66) and "changes-before" in last:
        before = moment_us(last["changes-before"])
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    return since, before


def _deleted(last: dict[str, str], is_admin: bool, by_time: bool) -> bool | None:
    if is_admin and "deleted" in last:
        return last["deleted"].lower() in ("1", "t", "true", "on", "y", "yes")
    if is_admin and "status" in last and last["status"].upper() == "DELETED":
        return True
    return None if by_time else False


def _all_tenants(last: dict[str, str]) -> bool:
    asked = last.get("all_tenants")
    if asked is None:
        return False
    if asked.lower() in ("", "1", "t", "true", "on", "y", "yes"):
        return True
    if asked.lower() in ("0", "f", "false", "off", "n", "no"):
        return False
    raise BadRequest(
        f"Invalid input received: Unrecognized value '{asked}', acceptable values are: '0', '1', "
        "'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
    )


def _tags(last: dict[str, str], version: Version) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if version < (2, 26):
        return ()
    return tuple((kind, tuple(last[kind].split(","))) for kind in TAG_FILTERS if last.get(kind))


def _order(query: dict[str, list[str]]) -> tuple[tuple[str, bool], ...]:
    keys = [key.strip() for key in query.get("sort_key", ())] or ["created_at"]
    ways = [way.strip() for way in query.get("sort_dir", ())] or ["desc"]
    if len(ways) > len(keys):
        raise BadRequest(
            "Invalid input received: Sort direction array is longer than sort key array"
        )
    for way in ways:
        if way not in ("asc", "desc"):
            raise BadRequest(
                "Invalid input received: Unknown sort direction, must be one of: asc, desc"
            )
    ways += [ways[0]] * (len(keys) - len(ways))
    return tuple((key, way == "desc") for key, way in zip(keys, ways, strict=True))
