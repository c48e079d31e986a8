"""
Who may use the flavors that are not for everybody.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from synnefo_tx.compute.rows.flavors import AnyRow, find_any
from synnefo_tx.compute.rows.quotas import check_project
from synnefo_tx.compute.rows.tables import flavor_access
from synnefo_tx.errors import Conflict, NotFound


def projects_of(connection: Connection, flavor_id: str) -> list[str]:
    """
    The projects that may use a private flavor.  Raises FlavorNotFound, and NotFound for a public
    one.
    """
    if find_any(connection, flavor_id).is_public:
        raise NotFound("Access list not available for public flavors.")
    return _projects(connection, flavor_id)


def give(connection: Connection, flavor_id: str, project_id: str, strict: bool) -> list[str]:
    """
    The projects that may use the flavor now.  strict: a public one has no such list.  Raises
    FlavorNotFound, BadRequest for a project that is not there, or Conflict.
    """
    flavor = _of_project(connection, flavor_id, project_id)
    if strict and flavor.is_public:
        raise Conflict("Can not add access to a public flavor.")
    known = select(flavor_access.c.flavor_id).where(_is(flavor_id, project_id))
    if connection.execute(known).first():
        raise Conflict(
            f"Flavor access already exists for flavor {flavor_id} and project {project_id} "
            "combination."
        )
    statement = insert(flavor_access).values(flavor_id=flavor_id, project_id=project_id)
    connection.execute(statement)
    return _projects(connection, flavor_id)


def take(connection: Connection, flavor_id: str, project_id: str) -> list[str]:
    """
    The projects that may use the flavor then.  Raises FlavorNotFound, BadRequest or NotFound.
    """
    _of_project(connection, flavor_id, project_id)
    gone = connection.execute(delete(flavor_access).where(_is(flavor_id, project_id)))
    if gone.rowcount != 1:
        raise NotFound(
            f"Flavor access not found for flavor {flavor_id} and project {project_id} combination."
        )
    return _projects(connection, flavor_id)


def _of_project(connection: Connection, flavor_id: str, project_id: str) -> AnyRow:
    check_project(connection, project_id)
    return find_any(connection, flavor_id, to_change=True)


def _is(flavor_id: str, project_id: str) -> ColumnElement[bool]:
    return (flavor_access.c.flavor_id == flavor_id) & (flavor_access.c.project_id == project_id)


def _projects(connection: Connection, flavor_id: str) -> list[str]:
    column = flavor_access.c.project_id
    statement = select(column).where(flavor_access.c.flavor_id == flavor_id).order_by(column)
    return list(connection.execute(statement).scalars())
