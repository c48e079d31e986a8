"""
Finding rows of any kind as a caller asks and may see.
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
    func,
    select,
    true,
)

from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows.tags import TAG_FILTERS, tagged
from synnefo_tx.network.rules.queries import MAX_LIMIT, Query, boolean, integer
from synnefo_tx.store.keyset import SortKey, after, ordered

AnyRow = Row[Any]
Condition = ColumnElement[bool]
LARGEST = 2**31  # beyond what an integer column can hold


@frozen(eq=False)
class Kind:
    """
    One kind of resource.  name: as the API calls many of them.  columns: attribute -> column, for
    filters and order; conditions: filters that are no plain comparison.
    """

    name: str
    table: Table
    missing: Callable[[str], Exception]
    visible: Callable[[Caller], Condition]
    columns: Mapping[str, ColumnElement[Any]]
    conditions: Mapping[str, Callable[[Sequence[str]], Condition]]


def list_rows(connection: Connection, kind: Kind, query: Query, caller: Caller) -> list[AnyRow]:
    """
    One page.  Raises the kind's error for an unknown marker.
    """
    statement = _seen(kind, caller)
    for name, values in query.filters.items():
        statement = statement.where(_condition(kind, name, values))
    keys = [SortKey(_sortable(kind.columns[name]), down) for name, down in query.order]
    keys.append(SortKey(kind.table.c.id))
    if query.page_reverse:
        keys = [key.reversed() for key in keys]
    if query.marker is not None:
        at = (
            _seen(kind, caller)
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
    connection: Connection,
    kind: Kind,
    resource_id: str,
    caller: Caller,
    *,
    to_change: bool = False,
) -> AnyRow:
    """
    One row.  to_change: nobody else changes or deletes it until our transaction ends.  Raises the
    kind's error.
    """
    statement = _seen(kind, caller).where(kind.table.c.id == resource_id)
    if to_change:
        statement = statement.with_for_update(of=kind.table)
    row = connection.execute(statement).first()
    if row is None:
        raise kind.missing(resource_id)
    return row


def find_all(
    connection: Connection, kind: Kind, ids: Sequence[str], caller: Caller
) -> list[AnyRow]:
    """
    Those of these ids that there are and the caller may see.
    """
    return list(connection.execute(_seen(kind, caller).where(kind.table.c.id.in_(ids))))


def _seen(kind: Kind, caller: Caller) -> Select[Any]:
    return select(kind.table).where(kind.visible(caller))


def _sortable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if not getattr(column, "nullable", False):
        return column
    return func.coalesce(column, -1 if column.type.python_type is int else "")


def _condition(kind: Kind, name: str, values: list[str]) -> Condition:
    if name in TAG_FILTERS:
        return tagged(kind.name.replace("-", "_"), kind.table.c.id, name, values)
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
