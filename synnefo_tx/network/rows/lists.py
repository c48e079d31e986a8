"""
Finding networks, subnets and ports as a caller asks and may see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    false,
    func,
    or_,
    select,
    true,
)

from synnefo_tx.network import errors
from synnefo_tx.network.rows.tables import networks, ports, subnets
from synnefo_tx.network.rules.queries import MAX_LIMIT, Query, boolean, integer, pair
from synnefo_tx.store.keyset import SortKey, after, ordered

AnyRow = Row[Any]
Condition = ColumnElement[bool]
LARGEST = 2**31  # beyond what an integer column can hold


@frozen(eq=False)
class Kind:
    """
    One kind of resource.  columns: attribute -> column, for filters and order; conditions: filters
    that are no plain comparison.
    """

    table: Table
    missing: Callable[[str], Exception]
    visible: Callable[[str], Condition]
    columns: Mapping[str, ColumnElement[Any]]
    conditions: Mapping[str, Callable[[Sequence[str]], Condition]]


def list_rows(
    connection: Connection, kind: Kind, query: Query, project_id: str, everyone: bool
) -> list[AnyRow]:
    """
    One page.  everyone: rows of all projects.  Raises the kind's error for an unknown marker.
    """
    statement = _seen(kind, project_id, everyone)
    for name, values in query.filters.items():
        statement = statement.where(_condition(kind, name, values))
    keys = [SortKey(_sortable(kind.columns[name]), down) for name, down in query.order]
    keys.append(SortKey(kind.table.c.id))
    if query.page_reverse:
        keys = [key.reversed() for key in keys]
    if query.marker is not None:
        at = (
            _seen(kind, project_id, everyone)
            .with_only_columns(*(key.column for key in keys))
            .where(kind.table.c.id == query.marker)
        )
        found = connection.execute(at).first()
        if found is None:
            raise kind.missing(query.marker)
        statement = statement.where(after(keys, tuple(found)))
    limit = min(query.limit or MAX_LIMIT, MAX_LIMIT)
    rows = list(connection.execute(ordered(statement, keys).limit(limit)))
    return rows[::-1] if query.page_reverse else rows


def find(
    connection: Connection, kind: Kind, resource_id: str, project_id: str, everyone: bool
) -> AnyRow:
    """
    One row.  Raises the kind's error.
    """
    statement = _seen(kind, project_id, everyone).where(kind.table.c.id == resource_id)
    row = connection.execute(statement).first()
    if row is None:
        raise kind.missing(resource_id)
    return row


def _seen(kind: Kind, project_id: str, everyone: bool) -> Select[Any]:
    statement = select(kind.table)
    return statement if everyone else statement.where(kind.visible(project_id))


def _sortable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, "") if getattr(column, "nullable", False) else column


def _condition(kind: Kind, name: str, values: list[str]) -> Condition:
    special = kind.conditions.get(name)
    if special is not None:
        return special(values)
    column = kind.columns.get(name)
    if column is None:
        return true()  # Neutron without "filter-validation" passes over what it doesn't know
    kind_of = column.type.python_type
    if kind_of is bool:
        return column.in_([boolean(value) for value in values])
    if kind_of is int:
        numbers = [integer(value) for value in values]
        return column.in_([number for number in numbers if abs(number) < LARGEST])
    return column.in_(values)


def _constant(holds: bool) -> Callable[[Sequence[str]], Condition]:
    """
    A filter on an attribute that is the same for all rows.
    """
    return lambda values: true() if holds in [boolean(value) for value in values] else false()


def _status(fixed: str) -> Callable[[Sequence[str]], Condition]:
    return lambda values: true() if fixed in values else false()


def _fixed_ips(values: Sequence[str]) -> Condition:
    """
    "ip_address=..." and "subnet_id=...": one of the addresses, in one of the subnets.
    """
    wanted: dict[str, list[str]] = {}
    for value in values:
        name, rest = pair(value)
        wanted.setdefault(name, []).append(rest)
    columns = {"ip_address": ports.c.ip_address, "subnet_id": ports.c.subnet_id}
    if not wanted.keys() <= columns.keys():
        return false()
    return and_(true(), *(columns[name].in_(rest) for name, rest in wanted.items()))


def _network_of_subnets(subnet_ids: Sequence[str]) -> Condition:
    return networks.c.id.in_(select(subnets.c.network_id).where(subnets.c.id.in_(subnet_ids)))


def _visible_networks(project_id: str) -> Condition:
    return or_(networks.c.project_id == project_id, networks.c.shared)


def _visible_subnets(project_id: str) -> Condition:
    return subnets.c.network_id.in_(select(networks.c.id).where(_visible_networks(project_id)))


def _visible_ports(project_id: str) -> Condition:
    owned = select(networks.c.id).where(networks.c.project_id == project_id)
    return or_(ports.c.project_id == project_id, ports.c.network_id.in_(owned))


def _columns(table: Table, *names: str) -> dict[str, ColumnElement[Any]]:
    both = {name: table.c[name] for name in ("id", "name", "project_id", "created_at", *names)}
    return {**both, "tenant_id": table.c.project_id}


NETWORKS = Kind(
    networks,
    errors.NetworkNotFound,
    _visible_networks,
    _columns(networks, "shared", "mtu"),
    {
        "admin_state_up": _constant(True),
        "router:external": _constant(False),
        "status": _status("ACTIVE"),
        "subnets": _network_of_subnets,
    },
)
SUBNETS = Kind(
    subnets,
    errors.SubnetNotFound,
    _visible_subnets,
    _columns(subnets, "network_id", "ip_version", "cidr", "gateway_ip"),
    {"enable_dhcp": _constant(True)},
)
PORTS = Kind(
    ports,
    errors.PortNotFound,
    _visible_ports,
    _columns(ports, "network_id", "mac_address", "device_id", "device_owner", "status"),
    {"admin_state_up": _constant(True), "fixed_ips": _fixed_ips},
)
