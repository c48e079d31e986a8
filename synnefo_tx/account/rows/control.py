"""
Units of work by which administrators put projects to rest and wake them: suspend, unsuspend,
terminate, reinstate, the end of those whose time is over, and changes without an application.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, filters
from sqlalchemy import Connection, select

from synnefo_tx.account.errors import Unmodifiable
from synnefo_tx.account.model import ALIVE, Asked, Doing, ProjectState
from synnefo_tx.account.notices import Notice
from synnefo_tx.account.rows import members, places, records
from synnefo_tx.account.rows.records import Record
from synnefo_tx.account.rows.tables import account_projects
from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.quota.rows.limits import set_limits

_TOLD = {
    "suspend": "project-suspended",
    "unsuspend": "project-unsuspended",
    "terminate": "project-terminated",
    "reinstate": "project-reinstated",
}
MAIN = ("owner_id", "name", "homepage", "description")  # of a personal project they stay
KEYSTONES = ("name", "description")
FIELDS = (*MAIN, "end_at", "join_policy", "leave_policy", "max_members", "private")


def control(connection: Connection, doing: Doing, project_id: str, action: str) -> None:
    """
    "suspend", "unsuspend", "terminate" or "reinstate".  Raises NoSuchProject, NotAllowed and
    WrongState.
    """
    records.admins_only(doing)
    row = records.lock(connection, project_id)
    new = records.move(connection, doing, row, action)
    settle(connection, doing, row, new)
    owner = row.id if row.is_personal else row.owner_id
    details = {"name": row.name, "reason": doing.reason}
    notice = Notice(_TOLD[action], row.id, (owner,) if owner else (), details=details)
    doing.notifier.notify(connection, notice)


def settle(connection: Connection, doing: Doing, row: Record, new: ProjectState) -> None:
    """
    Keystone and the quotaholder follow.  row: the project as it was.
    """
    was_awake, is_awake = row.state == ProjectState.ACTIVE, new is ProjectState.ACTIVE
    if was_awake and not is_awake:
        places.change_keystones(connection, doing, row.id, {"enabled": False})
        kept = places.rest_limits(connection, row.id)
        records.change(connection, row.id, {"kept_limits": kept})
    elif is_awake and not was_awake:
        places.change_keystones(connection, doing, row.id, {"enabled": True})
        places.wake_limits(connection, row.id, kept_limits(row))
        records.change(connection, row.id, {"kept_limits": {}})


def kept_limits(row: Record) -> dict[str, tuple[int | None, int | None]]:
    """
    The limits that an inactive project had or is to have.
    """
    return {name: (pair[0], pair[1]) for name, pair in row.kept_limits.items()}


def expired(connection: Connection, now_us: int) -> list[Record]:
    """
    Projects whose time is over, by their end.
    """
    c = account_projects.c
    over = select(account_projects).where(c.state.in_(ALIVE), c.end_at <= now_us)
    return list(connection.execute(over.order_by(c.end_at, c.id)))


def end_expired(connection: Connection, doing: Doing, line: Entry) -> bool:
    """
    Terminate the project that `line` of the audit log tells of.  False: somebody was quicker, or
    gave it more time meanwhile.  Raises NoSuchProject.
    """
    row = records.lock(connection, line.target_id)
    if row.state not in ALIVE or row.end_at is None or row.end_at > doing.now_us:
        return False
    control(connection, doing, row.id, "terminate")
    append(connection, line, doing.now_us)
    return True


def modify(connection: Connection, doing: Doing, project_id: str, asked: Asked) -> None:
    """
    An administrator changes the project, without any application.  Raises NoSuchProject,
    NotAllowed, Unmodifiable, NameInUse and KeyError for an unknown resource.
    """
    records.admins_only(doing)
    row = records.lock(connection, project_id)
    if row.state in (ProjectState.UNINITIALIZED, ProjectState.DELETED):
        raise Unmodifiable(f"Cannot modify an uninitialized or deleted project {project_id}.")
    check_personal(row, asked)
    apply(connection, doing, row, asked)


def modify_personal(
    connection: Connection, doing: Doing, resources: Mapping[str, tuple[int, int]]
) -> int:
    """
    Every personal project has these limits.  How many there are.
    """
    records.admins_only(doing)
    c = account_projects.c
    wanted = select(c.id).where(c.is_personal.is_(True), c.state != ProjectState.DELETED)
    ids = [row.id for row in connection.execute(wanted.order_by(c.id))]
    for project_id in ids:
        row = records.lock(connection, project_id)
        set_resources(connection, row, resources)
    return len(ids)


def check_personal(row: Record, asked: Asked) -> None:
    """
    Raises Unmodifiable.
    """
    if row.is_personal and any(getattr(asked, name) is not None for name in MAIN):
        raise Unmodifiable(
            "Cannot modify fields 'owner', 'name', 'homepage', and 'description' of a system "
            "project."
        )


def apply(connection: Connection, doing: Doing, row: Record, asked: Asked) -> None:
    """
    What is asked for holds from now on, in Keystone too.  row: locked.
    """
    given: dict[str, Any] = asdict(asked, filter=filters.include(*FIELDS))
    values = {name: value for name, value in given.items() if value is not None}
    records.change(connection, row.id, values)
    shared = {name: value for name, value in values.items() if name in KEYSTONES}
    places.change_keystones(connection, doing, row.id, shared)
    set_resources(connection, row, asked.resources)
    owner = asked.owner_id
    if owner is not None and find_user(connection, owner) is not None:
        members.let_in(connection, doing, row, owner)


def set_resources(
    connection: Connection, row: Record, resources: Mapping[str, tuple[int, int]]
) -> None:
    """
    Limits, at once or when the project wakes.
    """
    if row.state == ProjectState.ACTIVE:
        set_limits(connection, row.id, dict(resources))
    elif resources:
        records.change(connection, row.id, {"kept_limits": {**row.kept_limits, **resources}})
