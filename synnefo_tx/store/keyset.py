"""
Keyset paging: the statement for "what comes after this row", in any order of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Select, and_, or_


@frozen(eq=False)
class SortKey:
    """
    One column of an order.  The column must never be NULL: wrap it in coalesce().
    """

    column: ColumnElement[Any]
    descending: bool = False

    def reversed(self) -> SortKey:
        """
        The same key, the other way round.
        """
        return SortKey(self.column, not self.descending)


def ordered(statement: Select[Any], keys: Sequence[SortKey]) -> Select[Any]:
    """
    `statement` in the order of `keys`, the last of which must be unique.
    """
    return statement.order_by(
        *(key.column.desc() if key.descending else key.column.asc() for key in keys)
    )


def after(keys: Sequence[SortKey], values: Sequence[object]) -> ColumnElement[bool]:
    """
    True for rows that come after the one whose key columns hold `values`.
    """
    alternatives = []
    for place, key in enumerate(keys):
        before = [keys[i].column == values[i] for i in range(place)]
        further = key.column < values[place] if key.descending else key.column > values[place]
        alternatives.append(and_(*before, further))
    return or_(*alternatives)
