"""
Units of work on the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.errors import Forbidden
from synnefo_tx.identity.catalog import Endpoint, Service
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import (
    endpoints,
    project_endpoints,
    regions,
    registered_limits,
    services,
)
from synnefo_tx.identity.rows.things import Kind, Thing


def ensure(connection: Connection, own: Iterable[Service]) -> None:
    """
    Services of this cloud that the catalog doesn't know are added, with their region.
    """
    known = {row.id for row in connection.execute(select(services.c.id))}
    for service in own:
        if service.id in known:
            continue
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


def offered(connection: Connection) -> tuple[Service, ...]:
    """
    Every service that is enabled, with the endpoints that are.
    """
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


def remove_endpoint(
    connection: Connection, kind: Kind, endpoint: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The endpoint goes.
    """
    gone = project_endpoints.c.endpoint_id == endpoint["id"]
    connection.execute(delete(project_endpoints).where(gone))
    things.remove(connection, kind, endpoint["id"])


def remove_region(
    connection: Connection, kind: Kind, region: Thing, _now: int, _horizon_s: int
) -> None:
    """
    The region goes.  Raises Forbidden while there are regions or endpoints in it.
    """
    for column in (regions.c.parent_region_id, endpoints.c.region_id):
        inside = select(column).where(column == region["id"])
        if connection.execute(inside).first() is not None:
            raise Forbidden(
                f"Unable to delete region {region['id']} because it or its child regions have "
                "associated endpoints."
            )
    things.remove(connection, kind, region["id"])
