"""
Who may hold what: users and projects of identity, and users in the projects in which they work.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from synnefo_tx.identity.rows.effective import projects_of
from synnefo_tx.identity.rows.tables import projects, users
from synnefo_tx.quota.model import Key

PROJECT, USER = "project:", "user:"


def may_hold(connection: Connection, keys: Collection[Key]) -> set[Key]:
    """
    Those of `keys` whose holder is there and has a part in the source.
    """
    return {key for key in keys if _may(connection, key)}


def _may(connection: Connection, key: Key) -> bool:
    if key.holder.startswith(PROJECT) and not key.source:
        return project_exists(connection, key.holder.removeprefix(PROJECT))
    if key.holder.startswith(USER) and key.source.startswith(PROJECT):
        project_id = key.source.removeprefix(PROJECT)
        return project_id in works_in(connection, key.holder.removeprefix(USER))
    return False


def works_in(connection: Connection, user_id: str) -> list[str]:
    """
    Ids of the projects on which the user has a role in effect.
    """
    return sorted(row[0] for row in connection.execute(projects_of(user_id)))


def project_exists(connection: Connection, project_id: str) -> bool:
    """
    Whether identity knows the project.
    """
    known = select(projects.c.id).where(projects.c.id == project_id)
    return connection.execute(known).first() is not None


def user_exists(connection: Connection, user_id: str) -> bool:
    """
    Whether identity knows the user.
    """
    return connection.execute(select(users.c.id).where(users.c.id == user_id)).first() is not None
