"""
Units of work that tell users' names by their ids, and the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, select, true, update

from synnefo_tx.account.errors import NoSuchProject
from synnefo_tx.account.model import INSIDE, ProjectState
from synnefo_tx.account.rows.tables import account_projects, project_members
from synnefo_tx.identity.rows.tables import users

AT_ONCE = 500


def names_of(
    connection: Connection, user_ids: Sequence[str] | None, domain_id: str | None
) -> dict[str, str]:
    """
    User id -> name, of those that there are.  None: all users.  domain_id: only of this one.
    """
    found: dict[str, str] = {}
    for these in _parts(users.c.id, user_ids):
        for row in connection.execute(_select(these, domain_id)):
            found[row.id] = row.name
    return found


def ids_of(
    connection: Connection, names: Sequence[str] | None, domain_id: str | None
) -> dict[str, str]:
    """
    Name -> user id.
    """
    found: dict[str, str] = {}
    for these in _parts(users.c.name, names):
        for row in connection.execute(_select(these, domain_id)):
            found[row.name] = row.id
    return found


def set_default_project(connection: Connection, user_id: str, project_id: str) -> None:
    """
    Where the user works unless something else is said.  Raises NoSuchProject for one that is not
    active, or whose member the user isn't.
    """
    if project_id not in active_projects(connection, user_id):
        raise NoSuchProject(project_id)
    this = update(users).where(users.c.id == user_id)
    connection.execute(this.values(default_project_id=project_id))


def active_projects(connection: Connection, user_id: str) -> list[str]:
    """
    Ids of the active projects whose member the user is.
    """
    member, project = project_members.c, account_projects.c
    mine = (
        select(project.id)
        .join(project_members, member.project_id == project.id)
        .where(
            project.state == ProjectState.ACTIVE,
            member.user_id == user_id,
            member.state.in_(INSIDE),
        )
    )
    return [row.id for row in connection.execute(mine.order_by(project.id))]


def _parts(column: ColumnElement[str], values: Sequence[str] | None) -> list[ColumnElement[bool]]:
    if values is None:
        return [true()]
    ranges = range(0, len(values), AT_ONCE)
    return [column.in_(values[start : start + AT_ONCE]) for start in ranges]


def _select(these: ColumnElement[bool], domain_id: str | None) -> Select[tuple[str, str]]:
    wanted = select(users.c.id, users.c.name).where(these)
    return wanted if domain_id is None else wanted.where(users.c.domain_id == domain_id)
