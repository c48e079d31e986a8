"""
Flavors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)

from synnefo_tx.compute.errors import FlavorNotFound
from synnefo_tx.compute.rows.tables import flavor_access, flavors
from synnefo_tx.compute.rules.flavor_queries import FlavorQuery
from synnefo_tx.errors import BadRequest, Conflict, NotFound
from synnefo_tx.identity.caller import Caller
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
    "swap": flavors.c.swap_mib,
    "ephemeral_gb": flavors.c.ephemeral_gib,
    "rxtx_factor": flavors.c.rxtx_factor,
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
    swap_mib: int = 0,
    ephemeral_gib: int = 0,
    rxtx_factor: float = 1.0,
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
            swap_mib=swap_mib,
            ephemeral_gib=ephemeral_gib,
            rxtx_factor=rxtx_factor,
        )
    )


def delete_flavor(connection: Connection, flavor_id: str) -> None:
    """
    Servers keep what they had of it.  Raises FlavorNotFound.
    """
    connection.execute(delete(flavor_access).where(flavor_access.c.flavor_id == flavor_id))
    if connection.execute(delete(flavors).where(flavors.c.id == flavor_id)).rowcount != 1:
        raise FlavorNotFound(flavor_id)


def find_any(
    connection: Connection,
    flavor_id: str,
    *where: ColumnElement[bool],
    to_change: bool = False,
) -> AnyRow:
    """
    The flavor, if all of `where` holds.  to_change: nobody else changes it until our transaction
    ends.  Raises FlavorNotFound.
    """
    if "\0" in flavor_id:  # which PostgreSQL would not even compare
        raise FlavorNotFound(flavor_id)
    statement = select(flavors).where(flavors.c.id == flavor_id, *where)
    if to_change:
        statement = statement.with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise FlavorNotFound(flavor_id)
    return row


def usable_flavor(connection: Connection, flavor_id: str, caller: Caller) -> AnyRow:
    """
    A flavor that the caller's project may use.  Raises FlavorNotFound.
    """
    if caller.is_admin:
        return find_any(connection, flavor_id)
    return find_any(connection, flavor_id, _open_to(caller.project_id))


def flavor_for_server(connection: Connection, flavor_id: str, caller: Caller) -> AnyRow:
    """
    The same, for a server to be made of.  Raises BadRequest for one with more disks than the first.
    """
    flavor = usable_flavor(connection, flavor_id, caller)
    if flavor.swap_mib or flavor.ephemeral_gib:
        raise BadRequest("Servers have no swap or ephemeral disks here: choose another flavor.")
    return flavor


def set_description(connection: Connection, flavor_id: str, description: str | None) -> AnyRow:
    """
    The flavor with it.  Raises FlavorNotFound.
    """
    _change(connection, flavor_id, description=description)
    return find_any(connection, flavor_id)


def set_specs(connection: Connection, flavor_id: str, asked: Mapping[str, str]) -> None:
    """
    Add extra specs, or change them.  Raises FlavorNotFound.
    """
    known = find_any(connection, flavor_id, to_change=True).extra_specs
    _change(connection, flavor_id, extra_specs={**known, **asked})


def drop_spec(connection: Connection, flavor_id: str, key: str) -> None:
    """
    Raises FlavorNotFound, and NotFound when it has no such extra spec.
    """
    known = dict(find_any(connection, flavor_id, to_change=True).extra_specs)
    if key not in known:
        raise NotFound(f"Flavor {flavor_id} has no extra specs with key {key}.")
    del known[key]
    _change(connection, flavor_id, extra_specs=known)


def _change(connection: Connection, flavor_id: str, **values: Any) -> None:
    statement = update(flavors).where(flavors.c.id == flavor_id).values(**values)
    if connection.execute(statement).rowcount != 1:
        raise FlavorNotFound(flavor_id)


def _open_to(project_id: str) -> ColumnElement[bool]:
    mine = select(flavor_access.c.flavor_id).where(flavor_access.c.project_id == project_id)
    return or_(flavors.c.is_public, flavors.c.id.in_(mine))


def as_kept(flavor: AnyRow) -> dict[str, Any]:
    """
    A flavor as servers keep it, for when it is changed or gone.
    """
    return {
        "id": flavor.id,
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram_mib,
        "disk": flavor.disk_gib,
        "extra_specs": flavor.extra_specs,
    }


def list_flavors(connection: Connection, query: FlavorQuery, project_id: str) -> list[AnyRow]:
    """
    One page; the public ones with those that the project may use, too.  Raises BadRequest for an
    unknown marker.
    """
    shown: ColumnElement[bool] = true()
    if query.is_public is not None:
        shown = _open_to(project_id) if query.is_public else not_(flavors.c.is_public)
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
