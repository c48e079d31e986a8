"""
Units of work on the records of projects: found, locked, moved from state to state, with a log.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from synnefo_tx.account.errors import NoSuchProject, NotAllowed, WrongState
from synnefo_tx.account.model import Doing, Policy, ProjectState, Standing
from synnefo_tx.account.rows.tables import account_projects, project_log
from synnefo_tx.account.rules.states import PROJECT, after

Record = Row[Any]


def find(connection: Connection, project_id: str) -> Record | None:
    """
    The project's record.
    """
    this = select(account_projects).where(account_projects.c.id == project_id)
    return connection.execute(this).first()


def lock(connection: Connection, project_id: str) -> Record:
    """
    The same, until the transaction ends nobody else's.  Raises NoSuchProject.
    """
    this = select(account_projects).where(account_projects.c.id == project_id)
    row = connection.execute(this.with_for_update()).first()
    if row is None:
        raise NoSuchProject(project_id)
    return row


def standing(row: Record) -> Standing:
    """
    The record as the rules see it.
    """
    return Standing(
        id=row.id,
        state=ProjectState(row.state),
        owner_id=row.owner_id,
        private=row.private,
        join_policy=Policy(row.join_policy),
        leave_policy=Policy(row.leave_policy),
        max_members=row.max_members,
        domain_id=row.domain_id,
        is_personal=row.is_personal,
    )


def create(connection: Connection, doing: Doing, values: dict[str, Any]) -> None:
    """
    A new record, its log begun.  values: its columns, but for those that begin empty.
    """
    empty = {"homepage": "", "description": "", "kept_limits": {}, "created_at": doing.now_us}
    connection.execute(insert(account_projects).values(**empty | values))
    log(connection, doing, values["id"], None, values["state"])


def change(connection: Connection, project_id: str, values: dict[str, Any]) -> None:
    """
    Give it other values.
    """
    if values:
        this = update(account_projects).where(account_projects.c.id == project_id)
        connection.execute(this.values(**values))


def move(connection: Connection, doing: Doing, row: Record, action: str) -> ProjectState:
    """
    Its new state.  Raises WrongState.
    """
    state = ProjectState(row.state)
    new = after(PROJECT, action, state)
    if new is None:
        raise WrongState("project", row.id, action, state)
    if new is not state:
        ended = None if new is ProjectState.ACTIVE else doing.now_us
        change(connection, row.id, {"state": new, "deactivated_at": ended})
        log(connection, doing, row.id, state, new)
    return new


def log(connection: Connection, doing: Doing, project_id: str, state: str | None, new: str) -> None:
    """
    Write a transition down.
    """
    connection.execute(
        insert(project_log).values(
            project_id=project_id,
            from_state=state,
            to_state=new,
            actor_id=doing.actor.user_id,
            reason=doing.reason,
            at=doing.now_us,
        )
    )


def transitions(connection: Connection, project_id: str) -> list[Record]:
    """
    The project's log, the oldest first.
    """
    wanted = select(project_log).where(project_log.c.project_id == project_id)
    return list(connection.execute(wanted.order_by(project_log.c.id)))


def admins_only(doing: Doing) -> None:
    """
    Raises NotAllowed.
    """
    if not doing.actor.is_admin:
        raise NotAllowed
