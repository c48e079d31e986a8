"""
Units of work on personal projects, and on the records of what Keystone makes and ends by itself.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlalchemy import Connection, select

from synnefo_tx.account.errors import ProjectsBelow
from synnefo_tx.account.model import Doing, MemberState, Policy, ProjectState
from synnefo_tx.account.rows import control, members, places, records
from synnefo_tx.account.rows.tables import account_projects
from synnefo_tx.account.rules.states import MEMBER, after
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.rows.projects import remove_project
from synnefo_tx.identity.rows.tables import projects, users

CENTURY_US = 36525 * 86400 * 10**6


def name_of(user_id: str) -> str:
    """
    What a personal project is called.
    """
    return f"system:{user_id}"


def ensure_personal(connection: Connection, doing: Doing, user_id: str, domain_id: str) -> None:
    """
    The user has a personal project, with the user as its only member.
    """
    if records.find(connection, user_id) is not None:
        return
    text = f"system project for user {user_id}"
    thing = {"id": user_id, "name": name_of(user_id), "domain_id": domain_id}
    places.make_project(connection, thing | {"description": text})
    values = thing | {
        "description": text,
        "state": ProjectState.ACTIVE,
        "is_personal": True,
        "owner_id": None,
        "end_at": doing.now_us + CENTURY_US,
        "join_policy": Policy.CLOSED,
        "leave_policy": Policy.CLOSED,
        "max_members": 1,
        "private": True,
    }
    records.create(connection, doing, values)
    members.let_in(connection, doing, records.lock(connection, user_id), user_id)


def record_project(connection: Connection, doing: Doing, project: dict[str, Any]) -> None:
    """
    A project that Keystone's administrators have made is one of Astakos': without an end, seen by
    its members only, its maker its owner.
    """
    if records.find(connection, project["id"]) is not None:
        return
    state = ProjectState.ACTIVE if project["enabled"] else ProjectState.SUSPENDED
    shared = {name: project[name] for name in ("id", "name", "domain_id", "description")}
    values = shared | {
        "state": state,
        "is_personal": False,
        "owner_id": doing.actor.user_id or None,
        "join_policy": Policy.MODERATED,
        "leave_policy": Policy.AUTO,
        "private": True,
    }
    records.create(connection, doing, values)
    if state is ProjectState.SUSPENDED:
        kept = places.rest_limits(connection, project["id"])
        records.change(connection, project["id"], {"kept_limits": kept})


def ensure_records(connection: Connection, doing: Doing, personal_projects: bool) -> None:
    """
    Users and projects of before, or of tools that write to the database, get what they lack.
    """
    known = select(account_projects.c.id)
    lacking = select(projects).where(projects.c.id.not_in(known))
    for row in connection.execute(lacking).mappings().all():
        record_project(connection, doing, dict(row))
    if not personal_projects:
        return
    without = select(users).where(users.c.enabled, users.c.id.not_in(known))
    for user in connection.execute(without).all():
        ensure_personal(connection, doing, user.id, user.domain_id)


def follow_project(
    connection: Connection, doing: Doing, before: dict[str, Any], changed: dict[str, Any]
) -> None:
    """
    Keystone changed the project: its record has its name, and rests while it is disabled.
    """
    row = records.find(connection, before["id"])
    if row is None:
        record_project(connection, doing, changed)
        return
    shared = {name: changed[name] for name in control.KEYSTONES}
    records.change(connection, row.id, shared)
    if changed["enabled"] == before["enabled"]:
        return
    row = records.lock(connection, row.id)
    asleep = {ProjectState.SUSPENDED: "unsuspend", ProjectState.TERMINATED: "reinstate"}
    action = "suspend"
    if changed["enabled"]:
        action = asleep.get(ProjectState(row.state), "")
    elif row.state != ProjectState.ACTIVE:
        return
    if action:
        control.settle(connection, doing, row, records.move(connection, doing, row, action))


def end_project(connection: Connection, doing: Doing, project_id: str) -> None:
    """
    Keystone ends the project: nobody is a member any more; the record stays, for its log.
    """
    row = records.find(connection, project_id)
    if row is None or row.state == ProjectState.DELETED:
        return
    _let_all_go(connection, doing, members.all_of(connection, project_id=project_id))
    records.move(connection, doing, row, "delete")


def leave_all(connection: Connection, doing: Doing, user_id: str) -> None:
    """
    The user is a member of nothing any more.
    """
    _let_all_go(connection, doing, members.all_of(connection, user_id=user_id))


def end_user(connection: Connection, doing: Doing, user_id: str) -> None:
    """
    Keystone ends the user: the personal project goes too, and every membership.  Raises
    ProjectsBelow.
    """
    c = projects.c
    below = select(c.id, c.name).where(c.parent_id == user_id).order_by(c.name, c.id)
    found = [(row.id, row.name) for row in connection.execute(below)]
    if found:
        raise ProjectsBelow(user_id, found)
    leave_all(connection, doing, user_id)
    row = records.find(connection, user_id)
    project = things.find(connection, PROJECT, user_id)
    if row is None or not row.is_personal or project is None:
        return
    end_project(connection, doing, user_id)
    remove_project(connection, PROJECT, project, doing.now, doing.horizon_s)


def _let_all_go(connection: Connection, doing: Doing, found: list[Any]) -> None:
    for membership in found:
        for action in ("remove", "cancel"):
            if after(MEMBER, action, MemberState(membership.state)) is not None:
                members.move(connection, doing, membership, action)
                break


def disable_user(connection: Connection, doing: Doing, user_id: str) -> None:
    """
    The user is disabled: memberships and the personal project rest.
    """
    _switch(connection, evolve(doing, reason=doing.reason or "user disabled"), user_id, "suspend")


def enable_user(connection: Connection, doing: Doing, user_id: str) -> None:
    """
    And go on.
    """
    _switch(connection, evolve(doing, reason=doing.reason or "user enabled"), user_id, "resume")


def _switch(connection: Connection, doing: Doing, user_id: str, action: str) -> None:
    for membership in members.all_of(connection, user_id=user_id):
        if after(MEMBER, action, MemberState(membership.state)) is not None:
            members.move(connection, doing, membership, action)
    row = records.find(connection, user_id)
    step = "suspend" if action == "suspend" else "unsuspend"
    from_state = ProjectState.ACTIVE if step == "suspend" else ProjectState.SUSPENDED
    if row is not None and row.is_personal and row.state == from_state:
        control.settle(connection, doing, row, records.move(connection, doing, row, step))
