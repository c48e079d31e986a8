"""
Selects whose text is made once: SQLAlchemy's own execution, which looks for a statement in its
cache each time, takes twice as long for those that every log-in asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import Connection, Select


@frozen
class _Text:
    """
    sql: in the words of one dialect.  names: of its parameters in their order; None: it takes them
    by name.  made: of columns whose values are to be made of the driver's.
    """

    sql: str
    names: tuple[str, ...] | None
    fixed: Mapping[str, Any]
    made: tuple[tuple[int, Callable[[Any], Any]], ...]


@define
class Prepared:
    """
    statement: without lists of values (`in_`); its parameters are texts or None.
    """

    statement: Select[Any]
    _texts: dict[str, _Text] = field(factory=dict, init=False)

    def rows(self, connection: Connection, given: Mapping[str, str | None]) -> list[list[Any]]:
        """
        All rows, with `given` for the parameters.
        """
        dialect = connection.dialect.name
        text = self._texts.get(dialect)
        if text is None:
            text = self._texts[dialect] = _text(self.statement, connection)
        told: Any = {**text.fixed, **given}
        if text.names is not None:
            told = tuple([told[name] for name in text.names])
        rows = [list(row) for row in connection.exec_driver_sql(text.sql, told)]
        for row in rows:
            for at, make in text.made:
                row[at] = make(row[at])
        return rows

    def first(self, connection: Connection, given: Mapping[str, str | None]) -> list[Any] | None:
        """
        The first row; None: there is none.
        """
        return next(iter(self.rows(connection, given)), None)


def _text(statement: Select[Any], connection: Connection) -> _Text:
    dialect = connection.dialect
    compiled: Any = statement.compile(dialect=dialect)
    made = []
    for at, column in enumerate(statement.selected_columns):
        make = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if make is not None:
            made.append((at, make))
    names = tuple(compiled.positiontup) if compiled.positional else None
    return _Text(str(compiled), names, compiled.params, tuple(made))
