"""
Answers to queries: which rows pass, and their cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganetid.query import instance_fields, node_fields, tables
from ganetid.query.conditions import MISSING, UnfitFilter, compiled, everything, names_in
from ganetid.query.fields import NORMAL, Field, Row, unknown

TABLES: Mapping[str, Mapping[str, Field]] = {
    "instance": instance_fields.TABLE,
    "node": node_fields.TABLE,
    **tables.TABLES,
}


def fields_of(resource: str, names: Iterable[str] | None = None) -> list[Field]:
    """The fields of these names, all of them for None.  Raises KeyError for no such resource."""
    table = TABLES[resource]
    if names is None:
        return [table[name] for name in sorted(table, key=_natural)]
    return [table.get(name) or unknown(name) for name in names]


def answered(
    resource: str, names: Sequence[str], condition: Any, rows: Iterable[Row]
) -> dict[str, Any]:
    """
    Ganeti's answer to a query: the fields, and cells of the rows that pass.

    condition: a filter, or None.  Raises BadFilter, UnfitFilter, KeyError.
    """
    table = TABLES[resource]
    passes = compiled(condition)
    for name in sorted(names_in(condition)):
        if name not in table:
            raise UnfitFilter(f"Can't find field named '{name}'")
    fields = fields_of(resource, names)
    data = [
        [field.pick(row) for field in fields]
        for row in rows
        if passes is everything or passes(lambda name, row=row: _value(table[name], row))  # type: ignore[misc]
    ]
    return {"data": data, "fields": [field.shown() for field in fields]}


def _value(field: Field, row: Row) -> Any:
    status, value = field.pick(row)
    return value if status == NORMAL else MISSING


def _natural(name: str) -> tuple[str, int, str]:
    """disk.size/2 before disk.size/10, as Ganeti sorts."""
    front, slash, index = name.rpartition("/")
    return (front + slash, int(index), "") if index.isdecimal() else (name, -1, "")
