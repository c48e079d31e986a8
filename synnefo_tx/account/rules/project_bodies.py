"""
Bodies and queries about projects and memberships, in Synnefo's words.  Pure.

Source: Synnefo 0.21, astakos/api/projects.py and astakos/im/functions.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from synnefo_tx.account.errors import BadPolicies
from synnefo_tx.account.model import NO_END, Asked, Policy, ProjectState
from synnefo_tx.errors import BadRequest

LONGEST_NAME, LONGEST_HOMEPAGE, LONGEST_TEXT = 80, 255, 4096
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,6}", re.IGNORECASE)
_UNLIMITED = frozenset({"inf", "infinite", "unlimited"})
MODES = ("default", "related", "member", "active")


def read_new(body: Mapping[str, Any], now_us: int) -> Asked:
    """
    What POST /projects asks for.  Raises BadRequest.
    """
    if body.get("name") is None:
        raise BadRequest("Name missing.")
    if body.get("end_date") is None:
        raise BadRequest("Missing end date")
    return read_modification(body, now_us)


def read_modification(body: Mapping[str, Any], now_us: int) -> Asked:
    """
    What PUT /projects/<id> asks for: what is left out stays as it is.  Raises BadRequest.
    """
    name = _text(body, "name", LONGEST_NAME)
    if name is not None and _NAME.fullmatch(name) is None:
        raise BadRequest("Project name should be in domain format")
    end_at = _date(body, "end_date")
    if end_at is not None and end_at < now_us:
        raise BadRequest("'end_date' must be in the future")
    return Asked(
        owner_id=_text(body, "owner", 64),
        name=name,
        homepage=_text(body, "homepage", LONGEST_HOMEPAGE),
        description=_text(body, "description", LONGEST_TEXT),
        comments=_text(body, "comments", LONGEST_TEXT),
        start_at=_date(body, "start_date"),
        end_at=end_at,
        join_policy=_policy(body, "join"),
        leave_policy=_policy(body, "leave"),
        max_members=_max_members(body.get("max_members")),
        private=_boolean(body, "private"),
        resources=_resources(body.get("resources", {})),
    )


def read_action(body: Mapping[str, Any], known: Collection[str]) -> tuple[str, Any]:
    """
    The one action of the body, and what belongs to it.  Raises BadRequest.
    """
    found = [name for name in known if name in body]
    if len(found) > 1:
        raise BadRequest("Multiple actions not supported")
    if not found:
        raise BadRequest("No recognized action")
    return found[0], body[found[0]]


def read_reason(data: object) -> str:
    """
    Why: a text, or an object that has one.  Raises BadRequest.
    """
    if isinstance(data, dict):
        data = data.get("reason")
    if data is None:
        return ""
    if not isinstance(data, str) or len(data) > LONGEST_TEXT or "\0" in data:
        raise BadRequest("reason must be string")
    return data


def read_application_id(data: object) -> int:
    """
    Which application an action is for.  Raises BadRequest.
    """
    number = data.get("app_id") if isinstance(data, dict) else None
    if isinstance(number, str) and number.isascii() and number.isdigit():
        number = int(number[:19])
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= NO_END:
        raise BadRequest("app_id should be an integer.")
    return number


def read_id(data: object, name: str) -> str:
    """
    The `name` of an object: the id of a project, or the name of a user.  Raises BadRequest.
    """
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadRequest(f"{name} must be string")
    return value


def read_number(text: str) -> int:
    """
    A membership's id in a path.  Raises BadRequest.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest("Membership id should be an integer.")
    return int(text)


def read_state(text: str) -> ProjectState:
    """
    A filter.  Raises BadRequest.
    """
    try:
        return ProjectState(text)
    except ValueError as error:
        raise BadRequest(f"Unrecognized state {text}") from error


def read_mode(text: str) -> str:
    """
    Which projects to list.  Raises BadRequest.
    """
    if text not in MODES:
        raise BadRequest(f"Unrecognized mode '{text}'.")
    return text


def _text(body: Mapping[str, Any], key: str, longest: int) -> str | None:
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise BadRequest(f"{key} must be string")
    if len(value) > longest:
        raise BadRequest(f"'{key}' value exceeds max length {longest}")
    return value


def _boolean(body: Mapping[str, Any], key: str) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"{key} must be boolean")
    return value


def _date(body: Mapping[str, Any], key: str) -> int | None:
    """
    Microseconds since the epoch; a date without a zone is UTC.
    """
    value = body.get(key)
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(value)
        zoned = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        return int(zoned.timestamp() * 10**6)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"Invalid {key}") from error


def _policy(body: Mapping[str, Any], verb: str) -> Policy | None:
    value = body.get(f"{verb}_policy")
    if value is None:
        return None
    try:
        return Policy(value)
    except ValueError as error:
        raise BadRequest(f"Invalid {verb} policy") from error


def _max_members(value: object) -> int | None:
    """
    None: as it is, or as many as like to.
    """
    if isinstance(value, str):
        if value.lower() in _UNLIMITED:
            return NO_END
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else -1
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest("Invalid max_members")
    if value > NO_END:
        raise BadRequest("max_members out of range")
    return value


def _resources(value: object) -> dict[str, tuple[int, int]]:
    if not isinstance(value, dict):
        raise BadPolicies
    return {name: _capacities(name, one) for name, one in value.items()}


def _capacities(name: str, one: object) -> tuple[int, int]:
    """
    Of a member and of the project; -1 is no limit.
    """
    if not isinstance(one, dict):
        raise BadPolicies
    pair = (one.get("member_capacity"), one.get("project_capacity"))
    member, project = pair
    for limit in pair:
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise BadPolicies
        if limit > NO_END:
            raise BadPolicies(f"Quota limit exceeds max value {NO_END}")
        if limit < 0:
            raise BadPolicies("Negative quota limit is not allowed")
    assert isinstance(member, int) and isinstance(project, int)
    if project < member:
        raise BadPolicies(f"Project quota limit is less than member limit for resource '{name}'")
    return _ours(member), _ours(project)


def _ours(limit: int) -> int:
    return -1 if limit == NO_END else limit
