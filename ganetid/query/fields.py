"""
What a field of the query language is, and the tables of those of the small resources.

Names, titles, kinds and descriptions are what Ganeti 3.0.2 answers; tests compare them with a
recording of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

TEXT, NUMBER, BOOL, UNIT = "text", "number", "bool", "unit"
TIMESTAMP, FLOAT, OTHER, UNKNOWN = "timestamp", "float", "other", "unknown"

NORMAL, IS_UNKNOWN, NO_DATA, UNAVAILABLE, OFFLINE = range(5)

Row = Mapping[str, Any]
Cell = tuple[int, Any]
Pick = Callable[[Row], Cell]


@frozen
class Field:
    """A field: how it is told, and how it is picked from a row."""

    name: str
    title: str
    kind: str
    doc: str
    pick: Pick

    def shown(self) -> dict[str, str]:
        """The field as an answer defines it."""
        return {"name": self.name, "title": self.title, "kind": self.kind, "doc": self.doc}


def cell(value: Any, missing: int = UNAVAILABLE) -> Cell:
    """The value as a cell; None: there is none."""
    return (missing, None) if value is None else (NORMAL, value)


def plain(name: str, missing: int = UNAVAILABLE) -> Pick:
    """The row's value of this name."""
    return lambda row: cell(row.get(name), missing)


def parameter(kind: str, name: str) -> Pick:
    """A parameter among those of a kind, such as beparams."""
    return lambda row: cell((row.get(kind) or {}).get(name))


def item(name: str, index: int) -> Pick:
    """An element of a list; one after its end there is none of."""

    def pick(row: Row) -> Cell:
        values = row.get(name) or ()
        return cell(values[index] if index < len(values) else None)

    return pick


def counted(name: str) -> Pick:
    """How many elements a list has."""
    return lambda row: (NORMAL, len(row.get(name) or ()))


def unknown(name: str) -> Field:
    """A field that there is not."""
    return Field(name, name, UNKNOWN, f"Unknown field '{name}'", lambda row: (IS_UNKNOWN, None))


Told = tuple[str, str, str, str]


def table(told: tuple[Told, ...], picks: Mapping[str, Pick] | None = None) -> dict[str, Field]:
    """Fields by name; those without a pick of their own are values of the row."""
    special = picks or {}
    return {
        name: Field(name, title, kind, doc, special.get(name) or plain(name))
        for name, title, kind, doc in told
    }
