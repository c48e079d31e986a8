"""
The query of a list of servers, per microversion.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from synnefo_tx.compute.rules.name_patterns import check_pattern
from synnefo_tx.compute.rules.paging import limit_and_marker
from synnefo_tx.compute.rules.server_filters import (
    EXACT,
    JOINED,
    PATTERNS,
    TAG_FILTERS,
    list_schema,
)
from synnefo_tx.compute.rules.states import StateFilter, filters_of, is_status
from synnefo_tx.compute.rules.validation import moment_us
from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.http.microversions import Version

_FOR_ALL = {"reservation_id", "name", "image", "flavor", "ip"}
_FOR_ALL_SINCE = {
    (2, 5): {"ip6"},
    (2, 73): {"locked"},
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
    states: None for any.  locked, deleted: None for both.  Times are microseconds.  tags: kind ->
    names.
    """

    patterns: tuple[tuple[str, str], ...]
    exact: tuple[tuple[str, str], ...]
    states: tuple[StateFilter, ...] | None
    tags: tuple[tuple[str, tuple[str, ...]], ...]
    changed_since: int | None
    changed_before: int | None
    locked: bool | None
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
        locked=_flag("locked", last) if "locked" in last and "locked" in allowed else None,
        deleted=_deleted(last, is_admin, since is not None or before is not None),
        all_projects=all_projects,
        order=_order(query),
        limit=limit_and_marker(query)[0],
        marker=limit_and_marker(query)[1],
    )


def _allowed(version: Version, is_admin: bool) -> set[str]:
    allowed = {*PATTERNS, *EXACT} if is_admin else set(_FOR_ALL)
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
    if "all_tenants" not in last:
        return False
    return last["all_tenants"] == "" or _flag("all_tenants", last)


def _flag(name: str, last: dict[str, str]) -> bool:
    asked = last[name]
    if asked.lower() in ("1", "t", "true", "on", "y", "yes"):
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
