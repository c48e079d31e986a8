"""
Units of work on which endpoints a project is told of: single ones, and groups by their filters.
The catalog of a project with none tells all.

Source: Keystone's keystone/catalog/core.py, OS-EP-FILTER.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, or_, select, true
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import NotFound
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import (
    endpoint_groups,
    endpoints,
    project_endpoint_groups,
    project_endpoints,
)
from synnefo_tx.identity.rows.kinds import ENDPOINT, ENDPOINT_GROUP, PROJECT
from synnefo_tx.identity.rows.tables import projects
from synnefo_tx.identity.rows.things import Kind, Thing

_PAIRS: dict[str, tuple[Kind, Table, str]] = {
    "endpoint": (ENDPOINT, project_endpoints, "endpoint_id"),
    "endpoint_group": (ENDPOINT_GROUP, project_endpoint_groups, "endpoint_group_id"),
}


class NotAssociated(NotFound):
    """
    The project is not told of it.
    """

    def __init__(self, noun: str, thing_id: str, project_id: str) -> None:
        super().__init__(
            f"Endpoint {noun.removeprefix('endpoint_')} {thing_id} not found in project "
            f"{project_id}."
        )


def associate(connection: Connection, noun: str, thing_id: str, project_id: str) -> None:
    """
    The project is told of the "endpoint" or "endpoint_group".  Raises AccountNotFound.
    """
    kind, table, column = _PAIRS[noun]
    things.fetch(connection, kind, thing_id)
    things.fetch(connection, PROJECT, project_id)
    if is_associated(connection, noun, thing_id, project_id):
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(**{column: thing_id, "project_id": project_id}))
    except IntegrityError:
        pass  # another transaction was quicker


def is_associated(connection: Connection, noun: str, thing_id: str, project_id: str) -> bool:
    """
    Whether the project is told of it.
    """
    _, table, column = _PAIRS[noun]
    found = select(table).where(table.c[column] == thing_id, table.c.project_id == project_id)
    return connection.execute(found).first() is not None


def check(connection: Connection, noun: str, thing_id: str, project_id: str) -> Thing:
    """
    The thing.  Raises AccountNotFound and NotAssociated.
    """
    thing = things.fetch(connection, _PAIRS[noun][0], thing_id)
    things.fetch(connection, PROJECT, project_id)
    if not is_associated(connection, noun, thing_id, project_id):
        raise NotAssociated(noun, thing_id, project_id)
    return thing


def part(connection: Connection, noun: str, thing_id: str, project_id: str) -> None:
    """
    The project is no longer told of it.  Raises AccountNotFound and NotAssociated.
    """
    check(connection, noun, thing_id, project_id)
    _, table, column = _PAIRS[noun]
    connection.execute(
        delete(table).where(table.c[column] == thing_id, table.c.project_id == project_id)
    )


def told_of(noun: str, thing_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the projects that are told of it.
    """
    _, table, column = _PAIRS[noun]
    return projects.c.id.in_(select(table.c.project_id).where(table.c[column] == thing_id))


def groups_of(project_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the endpoint groups of a project.
    """
    inside = select(project_endpoint_groups.c.endpoint_group_id).where(
        project_endpoint_groups.c.project_id == project_id
    )
    return endpoint_groups.c.id.in_(inside)


def within(filters: Mapping[str, Any]) -> ColumnElement[bool]:
    """
    For `list_things`: the endpoints that the filters of a group take.
    """
    names = ("service_id", "region_id", "interface")
    wanted = [endpoints.c[name] == filters[name] for name in names if name in filters]
    return and_(true(), *wanted)


def endpoints_of(connection: Connection, project_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the endpoints that the project is told of by itself or by a group.
    """
    single = select(project_endpoints.c.endpoint_id).where(
        project_endpoints.c.project_id == project_id
    )
    groups = connection.execute(
        select(endpoint_groups.c.filters).where(groups_of(project_id))
    ).all()
    return or_(endpoints.c.id.in_(single), *(within(group.filters) for group in groups))


def remove_endpoint_group(
    connection: Connection, kind: Kind, group: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The group goes, from the projects too.
    """
    inside = project_endpoint_groups.c.endpoint_group_id == group["id"]
    connection.execute(delete(project_endpoint_groups).where(inside))
    things.remove(connection, kind, group["id"])
