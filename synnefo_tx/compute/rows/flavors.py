"""
Flavors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, true

from synnefo_tx.compute.errors import FlavorNotFound
from synnefo_tx.compute.rows.tables import flavors
from synnefo_tx.compute.rules.flavor_queries import FlavorQuery
from synnefo_tx.errors import BadRequest, Conflict
from synnefo_tx.store.keyset import SortKey, after, ordered

AnyRow = Row[Any]

SORT_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "flavorid": flavors.c.id,
    "id": flavors.c.id,
    "name": flavors.c.name,
    "memory_mb": flavors.c.ram_mib,
    "root_gb": flavors.c.disk_gib,
    "vcpus": flavors.c.vcpus,
    "is_public": flavors.c.is_public,
    "description": func.coalesce(flavors.c.description, ""),
}


def create_flavor(
    connection: Connection,
    id: str,  # noqa: A002 - the row's own name for it
    name: str,
    vcpus: int,
    ram_mib: int,
    disk_gib: int,
    is_public: bool = True,
    description: str | None = None,
) -> None:
    """
    A flavor; disk_gib 0 means "as large as the image".  Raises Conflict.
    """
    for column, value, word in ((flavors.c.name, name, "name"), (flavors.c.id, id, "ID")):
        if connection.execute(select(flavors.c.id).where(column == value)).first():
            raise Conflict(f"Flavor with {word} {value} already exists.")
    connection.execute(
        insert(flavors).values(
            id=id,
            name=name,
            vcpus=vcpus,
            ram_mib=ram_mib,
            disk_gib=disk_gib,
            is_public=is_public,
            description=description,
            extra_specs={},
        )
    )


def delete_flavor(connection: Connection, flavor_id: str) -> None:
    """
    Servers keep what they had of it.  Raises FlavorNotFound.
    """
    if connection.execute(delete(flavors).where(flavors.c.id == flavor_id)).rowcount != 1:
        raise FlavorNotFound(flavor_id)


def find_flavor(connection: Connection, flavor_id: str, sees_private: bool) -> AnyRow:
    """
    Raises FlavorNotFound.
    """
    if "\0" in flavor_id:  # which PostgreSQL would not even compare
        raise FlavorNotFound(flavor_id)
    statement = select(flavors).where(flavors.c.id == flavor_id)
    if not sees_private:
        statement = statement.where(flavors.c.is_public)
    row = connection.execute(statement).first()
    if row is None:
        raise FlavorNotFound(flavor_id)
    return row


def list_flavors(connection: Connection, query: FlavorQuery) -> list[AnyRow]:
    """
    One page.  Raises BadRequest for an unknown marker.
    """
    shown = true() if query.is_public is None else flavors.c.is_public == query.is_public
    statement = select(flavors).where(
        shown,
        flavors.c.ram_mib >= query.min_ram_mib,
        flavors.c.disk_gib >= query.min_disk_gib,
    )
    keys = [SortKey(SORT_COLUMNS[name], down) for name, down in query.order]
    keys.append(SortKey(flavors.c.id))
    if query.marker is not None:
        at = select(*(key.column for key in keys)).where(flavors.c.id == query.marker, shown)
        found = connection.execute(at).first()
        if found is None:
            raise BadRequest(f"marker [{query.marker}] not found")
        statement = statement.where(after(keys, tuple(found)))
    return list(connection.execute(ordered(statement, keys).limit(query.limit)))
