"""
Units of work on the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.identity.catalog import Catalog, Endpoint, Service
from synnefo_tx.identity.faults import Expected
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import (
    endpoint_groups,
    endpoints,
    project_endpoint_groups,
    project_endpoints,
    regions,
    registered_limits,
    services,
)
from synnefo_tx.identity.rows.revocations import CATALOG, next_serial, serial
from synnefo_tx.identity.rows.things import Kind, Thing


def ensure(connection: Connection, own: Iterable[Service]) -> None:
    """
    Services of this cloud that the catalog doesn't know are added, with their region.
    """
    known = {row.id for row in connection.execute(select(services.c.id))}
    for service in own:
        if service.id in known:
            continue
        next_serial(connection, CATALOG)
        connection.execute(
            insert(services).values(
                id=service.id, type=service.type, name=service.name, description="", enabled=True
            )
        )
        for endpoint in service.endpoints:
            _ensure_region(connection, endpoint.region_id)
            connection.execute(
                insert(endpoints).values(
                    id=endpoint.id,
                    service_id=service.id,
                    region_id=endpoint.region_id,
                    interface=endpoint.interface,
                    url=endpoint.url,
                    enabled=True,
                )
            )


def _ensure_region(connection: Connection, region_id: str | None) -> None:
    known = select(regions.c.id).where(regions.c.id == region_id)
    if region_id is not None and connection.execute(known).first() is None:
        connection.execute(insert(regions).values(id=region_id, description=""))


def read(connection: Connection, known: Catalog | None) -> Catalog:
    """
    The catalog: services and endpoints that are enabled.  known: as it was read before.
    """
    now = serial(connection, CATALOG)
    if known is not None and known.serial == now:
        return known
    services = _offered(connection)
    return Catalog(services, _only(connection), now)


def _only(connection: Connection) -> dict[str, frozenset[str]]:
    told: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(project_endpoints)):
        told[row.project_id].add(row.endpoint_id)
    groups = select(project_endpoint_groups.c.project_id, endpoint_groups.c.filters).join(
        endpoint_groups, endpoint_groups.c.id == project_endpoint_groups.c.endpoint_group_id
    )
    found = connection.execute(groups).all()
    every = connection.execute(select(endpoints)).all() if found else ()
    for row in found:
        told[row.project_id] |= {one.id for one in every if _takes(row.filters, one)}
    return {project_id: frozenset(ids) for project_id, ids in told.items()}


def _takes(filters: Mapping[str, Any], endpoint: Row[Any]) -> bool:
    names = ("service_id", "region_id", "interface")
    return all(getattr(endpoint, name) == filters[name] for name in names if name in filters)


def _offered(connection: Connection) -> tuple[Service, ...]:
    found: dict[str, list[Endpoint]] = {}
    wanted = select(endpoints).where(endpoints.c.enabled.is_(True)).order_by(endpoints.c.id)
    for row in connection.execute(wanted):
        endpoint = Endpoint(row.id, row.service_id, row.interface, row.region_id, row.url)
        found.setdefault(row.service_id, []).append(endpoint)
    enabled = select(services).where(services.c.enabled.is_(True)).order_by(services.c.type)
    return tuple(
        Service(row.id, row.type, row.name or "", tuple(found.get(row.id, ())))
        for row in connection.execute(enabled)
    )


def remove_service(
    connection: Connection, kind: Kind, service: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The service goes with its endpoints.  Raises Forbidden while limits are registered for it.
    """
    limited = select(registered_limits.c.id).where(registered_limits.c.service_id == service["id"])
    if connection.execute(limited).first() is not None:
        raise Forbidden(f"Unable to delete service {service['id']}: it has registered limits.")
    inside = select(endpoints.c.id).where(endpoints.c.service_id == service["id"])
    connection.execute(delete(project_endpoints).where(project_endpoints.c.endpoint_id.in_(inside)))
    connection.execute(delete(endpoints).where(endpoints.c.service_id == service["id"]))
    things.remove(connection, kind, service["id"])


def create_endpoint(connection: Connection, kind: Kind, endpoint: Thing) -> Thing:
    """
    A new one.  Raises Expected when its service or its region is not there.
    """
    return things.create(connection, kind, {"region_id": None} | _placed(connection, endpoint))


def change_endpoint(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    _now: int,
    _horizon_s: int,
) -> Thing:
    """
    As `things.change`.  Raises Expected as for a new one.
    """
    return things.change(connection, kind, before["id"], _placed(connection, changes))


def _placed(connection: Connection, given: Thing) -> Thing:
    """
    `region` is what older clients call `region_id`; theirs is made when it isn't there.
    """
    placed = {name: value for name, value in given.items() if name != "region"}
    if given.get("region") and not placed.get("region_id"):
        placed["region_id"] = given["region"]
        _ensure_region(connection, given["region"])
    for column, table in (("region_id", regions), ("service_id", services)):
        wanted = select(table.c.id).where(table.c.id == placed.get(column))
        if placed.get(column) and connection.execute(wanted).first() is None:
            raise Expected(f"endpoint {column}", f"{table.name.removesuffix('s')} table")
    return placed


def remove_endpoint(
    connection: Connection, kind: Kind, endpoint: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The endpoint goes.
    """
    gone = project_endpoints.c.endpoint_id == endpoint["id"]
    connection.execute(delete(project_endpoints).where(gone))
    things.remove(connection, kind, endpoint["id"])


def change_region(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    _now: int,
    _horizon_s: int,
) -> Thing:
    """
    As `things.change`.  Raises BadRequest when the region would be below itself.
    """
    parent = changes.get("parent_region_id")
    if parent in _tree(connection, before["id"]):
        raise BadRequest(
            f"The specified parent region {parent} would create a circular region hierarchy."
        )
    return things.change(connection, kind, before["id"], changes)


def remove_region(
    connection: Connection, kind: Kind, region: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The region goes with those below it.  Raises Forbidden while there are endpoints in any.
    """
    tree = _tree(connection, region["id"])
    inside = select(endpoints.c.id).where(endpoints.c.region_id.in_(tree))
    if connection.execute(inside.limit(1)).first() is not None:
        raise Forbidden(
            f"Unable to delete region {region['id']} because it or its child regions have "
            "associated endpoints."
        )
    for region_id in reversed(tree):
        things.remove(connection, kind, region_id)


def _tree(connection: Connection, region_id: str) -> list[str]:
    """
    The region and those below it; those above come before those below.
    """
    found, level = [region_id], [region_id]
    while level:
        below = select(regions.c.id).where(regions.c.parent_region_id.in_(level))
        level = [row.id for row in connection.execute(below)]
        found += level
    return found
