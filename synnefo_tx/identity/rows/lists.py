"""
Lists of accounts, a page at a time, filtered and cut in the database.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
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

from synnefo_tx.errors import NotFound

_NUMBERS: dict[str, Callable[[Any, int], ColumnElement[bool]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
NUMBER_COMPARATORS = frozenset(_NUMBERS)


@frozen
class Filter:
    """
    A column against a value.  comparator: equals, contains, startswith or endswith; `folded`
    ignores case.  Numbers are compared by lt, lte, gt, gte, eq and neq, and NULL never is.
    """

    column: str
    value: str | bool | int
    comparator: str = "equals"
    folded: bool = False


@frozen
class Page:
    """
    What to list: rows after `marker` (an id), at most `limit`; None is no limit.
    """

    filters: tuple[Filter, ...] = ()
    marker: str | None = None
    limit: int | None = None


EVERYTHING = Page()


class MarkerNotFound(NotFound):
    """
    A page after a row that isn't there.
    """

    def __init__(self, marker: str) -> None:
        super().__init__(f"Marker {marker} could not be found.")


def paged(
    connection: Connection, table: Table, wanted: Select[Any], page: Page
) -> tuple[Sequence[Row[Any]], bool]:
    """
    The rows of `wanted` (a select from `table`) that `page` asks for, by id, and whether more
    follow.  Raises MarkerNotFound.
    """
    for one in page.filters:
        wanted = wanted.where(_matches(table.c[one.column], one))
    if page.marker is not None:
        known = connection.execute(select(table.c.id).where(table.c.id == page.marker)).first()
        if known is None:
            raise MarkerNotFound(page.marker)
        wanted = wanted.where(table.c.id > page.marker)
    wanted = wanted.order_by(table.c.id)
    if page.limit is None:
        return connection.execute(wanted).all(), False
    rows = connection.execute(wanted.limit(page.limit + 1)).all()
    return rows[: page.limit], len(rows) > page.limit


def _matches(column: ColumnElement[Any], one: Filter) -> ColumnElement[bool]:
    if isinstance(one.value, bool):
        return column == one.value
    if isinstance(one.value, int):
        return _NUMBERS[one.comparator](column, one.value)
    value: Any = one.value
    if one.folded:
        column, value = func.lower(column), value.lower()
    matches: ColumnElement[bool] = column == value
    match one.comparator:
        case "contains":  # LIKE would ignore case on SQLite and not on PostgreSQL
            matches = func.replace(column, value, "") != column if value else true()
        case "startswith":
            matches = func.substr(column, 1, len(value)) == value
        case "endswith":
            matches = func.substr(column, func.length(column) - len(value) + 1) == value
    return matches
