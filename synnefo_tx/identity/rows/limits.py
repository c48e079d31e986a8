"""
Units of work on the limits of single projects and domains.

Source: Keystone's keystone/limit/core.py and keystone/limit/backends/sql.py, release 2026.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import Forbidden
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import limits, registered_limits
from synnefo_tx.identity.rows.kinds import DOMAIN, PROJECT
from synnefo_tx.identity.rows.lists import Page, paged
from synnefo_tx.identity.rows.registered_limits import LimitTaken, check_named, stored
from synnefo_tx.identity.rows.tables import projects
from synnefo_tx.identity.rows.things import Thing

_RESOURCE = ("service_id", "region_id", "resource_name")
_LIST = select(
    limits,
    registered_limits.c.service_id,
    registered_limits.c.region_id,
    registered_limits.c.resource_name,
).join(registered_limits, registered_limits.c.id == limits.c.registered_limit_id)


class NoLimitReference(Forbidden):
    """
    A limit of something that is limited nowhere.
    """

    def __init__(self) -> None:
        super().__init__("Unable to create a limit that has no corresponding registered limit.")


def create(connection: Connection, new: Sequence[Thing]) -> list[Thing]:
    """
    New limits, each of a project or a domain.  Raises Expected for what they name,
    NoLimitReference and LimitTaken.
    """
    return [_created(connection, one) for one in new]


def _created(connection: Connection, new: Thing) -> Thing:
    new = _of_domain(connection, new)
    check_named(connection, "limit", new)
    holder_kind = "project" if new.get("project_id") else "domain"
    row = {
        "id": new["id"],
        "registered_limit_id": _reference(connection, stored(new)),
        "holder_kind": holder_kind,
        "holder_id": new[f"{holder_kind}_id"],
        "resource_limit": new["resource_limit"],
        "description": new.get("description"),
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(limits).values(**row))
    except IntegrityError as error:
        raise LimitTaken("limit") from error
    return fetch(connection, new["id"])


def find(connection: Connection, limit_id: str) -> Thing | None:
    """
    The limit of this id, with the domain that it is in as "within".
    """
    row = connection.execute(_LIST.where(limits.c.id == limit_id)).first()
    if row is None:
        return None
    thing = _thing(row)
    if thing["project_id"]:
        project = things.fetch(connection, PROJECT, thing["project_id"])
        return thing | {"within": project["domain_id"]}
    return thing | {"within": thing["domain_id"]}


def fetch(connection: Connection, limit_id: str) -> Thing:
    """
    The limit.  Raises AccountNotFound.
    """
    row = connection.execute(_LIST.where(limits.c.id == limit_id)).first()
    if row is None:
        raise AccountNotFound("limit", limit_id)
    return _thing(row)


def change(connection: Connection, limit_id: str, changes: Thing) -> Thing:
    """
    Another limit or description.  Raises AccountNotFound.
    """
    if changes:
        connection.execute(update(limits).where(limits.c.id == limit_id).values(**changes))
    return fetch(connection, limit_id)


def remove(connection: Connection, limit_id: str) -> None:
    """
    The limit goes.  Raises AccountNotFound.
    """
    if not connection.execute(delete(limits).where(limits.c.id == limit_id)).rowcount:
        raise AccountNotFound("limit", limit_id)


def list_limits(
    connection: Connection, page: Page, where: ColumnElement[bool]
) -> tuple[list[Thing], bool]:
    """
    A page of those that `where` takes, and whether more follow.  Raises MarkerNotFound.
    """
    rows, more = paged(connection, limits, _LIST.where(where), page)
    return [_thing(row) for row in rows], more


def fitting(wanted: Mapping[str, str]) -> ColumnElement[bool]:
    """
    Those whose service_id, region_id, resource_name, project_id and domain_id are these.
    """
    parts = [registered_limits.c[name] == wanted[name] for name in _RESOURCE if name in wanted]
    holders = [kind for kind in ("project", "domain") if f"{kind}_id" in wanted]
    parts += [held_by(kind, wanted[f"{kind}_id"]) for kind in holders]
    return and_(true(), *parts)


def held_by(kind: str, holder_id: str) -> ColumnElement[bool]:
    """
    Those of one project or domain.
    """
    return and_(limits.c.holder_kind == kind, limits.c.holder_id == holder_id)


def held_within(domain_id: str) -> ColumnElement[bool]:
    """
    Those of a domain and of the projects in it.
    """
    inside = select(projects.c.id).where(projects.c.domain_id == domain_id)
    of_projects = and_(limits.c.holder_kind == "project", limits.c.holder_id.in_(inside))
    return or_(held_by("domain", domain_id), of_projects)


def by_project(connection: Connection, project_ids: Iterable[str]) -> Mapping[str, list[Thing]]:
    """
    The limits of each of these projects.
    """
    of_these = and_(limits.c.holder_kind == "project", limits.c.holder_id.in_(list(project_ids)))
    found: dict[str, list[Thing]] = defaultdict(list)
    for row in connection.execute(_LIST.where(of_these).order_by(limits.c.id)):
        found[row.holder_id].append(_thing(row))
    return found


def _thing(row: Row[Any]) -> Thing:
    return {
        "id": row.id,
        "project_id": row.holder_id if row.holder_kind == "project" else None,
        "domain_id": row.holder_id if row.holder_kind == "domain" else None,
        "service_id": row.service_id,
        "region_id": row.region_id or None,
        "resource_name": row.resource_name,
        "resource_limit": row.resource_limit,
        "description": row.description,
    }


def _of_domain(connection: Connection, new: Thing) -> Thing:
    """
    A project that is a domain stands for the domain.
    """
    project_id = new.get("project_id")
    if not project_id or things.find(connection, DOMAIN, project_id) is None:
        return new
    return new | {"project_id": None, "domain_id": project_id}


def _reference(connection: Connection, new: Thing) -> str:
    wanted = select(registered_limits.c.id).where(
        registered_limits.c.service_id == new["service_id"],
        registered_limits.c.region_id == new.get("region_id", ""),
        registered_limits.c.resource_name == new["resource_name"],
    )
    row = connection.execute(wanted).first()
    if row is None:
        raise NoLimitReference
    return str(row.id)
