"""
Projects and memberships as Synnefo shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from synnefo_tx.account.model import NO_END
from synnefo_tx.account.views.quotas import shown

Json = dict[str, Any]


def moment(at_us: int | None) -> str | None:
    """
    Microseconds since the epoch as ISO 8601.
    """
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="microseconds")


def project(row: Any, limits: Mapping[str, Sequence[int]], application: Any, owned: bool) -> Json:
    """
    row: the project's record.  limits: (of a member, of the project).  application: the last one,
    or None.  owned: whether it is shown to its owner or an administrator.
    """
    view = {
        "id": row.id,
        "state": row.state,
        "creation_date": moment(row.created_at),
        "name": row.name,
        "owner": row.owner_id,
        "homepage": row.homepage,
        "description": row.description,
        "end_date": moment(row.end_at),
        "join_policy": row.join_policy,
        "leave_policy": row.leave_policy,
        "max_members": NO_END if row.max_members is None else row.max_members,
        "private": row.private,
        "system_project": row.is_personal,
        "base_project": row.is_personal,  # its name before 0.16
        "resources": resources(limits),
    }
    if application is not None:
        view["last_application"] = application_view(application)
    if owned and row.deactivated_at is not None:
        view["deactivation_date"] = moment(row.deactivated_at)
    return view


def application_view(row: Any) -> Json:
    """
    An application: what it asks for, null for what it leaves.
    """
    return {
        "id": row.id,
        "state": row.state,
        "name": row.name,
        "owner": row.owner_id,
        "applicant": row.applicant_id,
        "homepage": row.homepage,
        "description": row.description,
        "start_date": moment(row.start_at),
        "end_date": moment(row.end_at),
        "comments": row.comments,
        "join_policy": row.join_policy,
        "leave_policy": row.leave_policy,
        "max_members": row.max_members,
        "private": row.private,
        "resources": resources(row.resources),
    }


def resources(limits: Mapping[str, Sequence[int]]) -> Json:
    """
    Limits by resource.
    """
    return {
        name: {"member_capacity": shown(member), "project_capacity": shown(whole)}
        for name, (member, whole) in sorted(limits.items())
    }


def membership(row: Any, dates: Mapping[str, int], allowed: Sequence[str]) -> Json:
    """
    dates: when it last came into each state, microseconds.
    """
    view = {
        "id": row.id,
        "user": row.user_id,
        "project": row.project_id,
        "state": row.state,
        "moderator": row.is_moderator,
        "allowed_actions": list(allowed),
    }
    return view | {state: moment(at) for state, at in dates.items()}
