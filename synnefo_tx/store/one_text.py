"""
All rows of a select as one JSON text that the database makes.

SQLite's driver lets other threads run before each row and waits for its turn after each: eight
clients that list a hundred rows at once spend half of their time waiting for each other.
"""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import define, field
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
)


@define
class OneText:
    """
    statement: without parameters; its columns are texts, numbers, flags and JSON.
    """

    statement: Select[Any]
    _texts: dict[str, str] = field(factory=dict, init=False)

    def rows(self, connection: Connection) -> list[dict[str, Any]]:
        """
        Each row as a dict by the names of its columns, in the statement's order.
        """
        dialect = connection.dialect.name
        if dialect not in self._texts:
            whole = _on_sqlite if dialect == "sqlite" else _on_postgresql
            made = whole(self.statement).compile(
                dialect=connection.dialect, compile_kwargs={"literal_binds": True}
            )
            self._texts[dialect] = str(made)
        text = connection.exec_driver_sql(self._texts[dialect]).scalar()
        rows: list[dict[str, Any]] = msgspec.json.decode(text) if text else []
        return rows


def _on_sqlite(statement: Select[Any]) -> Select[Any]:
    parts: list[ColumnElement[Any]] = []
    for column in statement.subquery("one").c:
        parts += [_name(column), _as_json(column)]
    return select(func.json_group_array(func.json_object(*parts)))


def _on_postgresql(statement: Select[Any]) -> Select[Any]:
    parts: list[ColumnElement[Any]] = []
    for column in statement.subquery("one").c:
        parts += [_name(column), column]
    return select(cast(func.json_agg(func.json_build_object(*parts)), Text))


def _name(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return literal_column(f"'{column.key}'")


def _as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """
    SQLite has no flags, and JSON is text there.
    """
    if isinstance(column.type, Boolean):
        said = case((column, "true"), (column.is_(None), "null"), else_="false")
        return func.json(said)
    return func.json(column) if isinstance(column.type, JSON) else column
