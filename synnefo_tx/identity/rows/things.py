"""
Units of work on whatever Keystone keeps: made, found, changed, removed and listed in one way.

A thing is a flat dict: the columns of its table and the attributes a client added ("extra").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from attrs import field, frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import Conflict
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.rows.lists import EVERYTHING, Page, paged
from synnefo_tx.store.one_text import OneText

Thing = dict[str, Any]


@frozen(eq=False)
class Kind:
    """
    What Keystone calls it, and where it is kept.

    references: columns that hold the id of another kind; what they name must exist.
    """

    noun: str
    plural: str
    table: Table
    references: Mapping[str, Kind] = field(factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """
        Of all columns, as `select(table)` gives them.
        """
        return tuple(column.name for column in self.table.c)

    @cached_property
    def listing(self) -> Select[Any]:
        """
        All of them.  Built once: lists are asked for often.
        """
        return select(self.table)

    @cached_property
    def whole(self) -> OneText:
        """
        The same in one text, by id.
        """
        return OneText(self.listing.order_by(self.table.c.id))

    @cached_property
    def columns(self) -> frozenset[str]:
        return frozenset(self.names) - {"extra"}


class DuplicateEntry(Conflict):
    """
    Another one has the name or the id already.
    """

    def __init__(self, kind: Kind, thing: Mapping[str, Any]) -> None:
        details = "Duplicate entry"
        if "name" in thing:
            details += f" found with name {thing['name']}"
            if "domain_id" in kind.columns:
                details += f" at domain ID {thing.get('domain_id') or '<<null>>'}"
        elif "id" in thing:
            details += f" found with ID {thing['id']}"
        super().__init__(f"Conflict occurred attempting to store {kind.noun} - {details}.")


def create(connection: Connection, kind: Kind, thing: Mapping[str, Any]) -> Thing:
    """
    A new one.  Raises AccountNotFound for what it refers to, and DuplicateEntry.
    """
    _check_references(connection, kind, thing)
    try:
        with connection.begin_nested():
            connection.execute(insert(kind.table).values(**_row(kind, thing, {})))
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise
        raise DuplicateEntry(kind, thing) from error
    return fetch(connection, kind, str(thing["id"]))


def find(connection: Connection, kind: Kind, thing_id: str) -> Thing | None:
    """
    The one with this id.
    """
    row = connection.execute(select(kind.table).where(kind.table.c.id == thing_id)).mappings()
    found = row.first()
    return thing_of(kind, found) if found is not None else None


def fetch(connection: Connection, kind: Kind, thing_id: str) -> Thing:
    """
    The same.  Raises AccountNotFound.
    """
    found = find(connection, kind, thing_id)
    if found is None:
        raise AccountNotFound(kind.noun, thing_id)
    return found


def change(connection: Connection, kind: Kind, thing_id: str, changes: Mapping[str, Any]) -> Thing:
    """
    Give it other attributes.  Raises AccountNotFound and DuplicateEntry.
    """
    before = fetch(connection, kind, thing_id)
    _check_references(connection, kind, changes)
    row = _row(kind, changes, {k: v for k, v in before.items() if k not in kind.columns})
    try:
        with connection.begin_nested():
            if row:
                connection.execute(
                    update(kind.table).where(kind.table.c.id == thing_id).values(**row)
                )
    except IntegrityError as error:
        raise DuplicateEntry(kind, before | dict(changes)) from error
    return fetch(connection, kind, str(changes.get("id", thing_id)))


def remove(connection: Connection, kind: Kind, thing_id: str) -> None:
    """
    End it.  What refers to it must be gone already.  Raises AccountNotFound.
    """
    gone = connection.execute(delete(kind.table).where(kind.table.c.id == thing_id))
    if not gone.rowcount:
        raise AccountNotFound(kind.noun, thing_id)


def list_things(
    connection: Connection, kind: Kind, page: Page, where: ColumnElement[bool] | None = None
) -> tuple[list[Thing], bool]:
    """
    A page, and whether more follow.  Raises MarkerNotFound.
    """
    if where is None and page == EVERYTHING:
        return [flat(thing) for thing in kind.whole.rows(connection)], False
    wanted = kind.listing
    if where is not None:
        wanted = wanted.where(where)
    rows, more = paged(connection, kind.table, wanted, page)
    return [listed(kind, row) for row in rows], more


def thing_of(kind: Kind, row: RowMapping | Mapping[str, Any]) -> Thing:
    """
    A row of its table as a thing.
    """
    return dict(row.get("extra") or {}) | {name: row[name] for name in kind.columns}


def listed(kind: Kind, row: Sequence[Any]) -> Thing:
    """
    The same of a row of `kind.listing`, sooner.
    """
    return flat(dict(zip(kind.names, row, strict=True)))


def flat(thing: Thing) -> Thing:
    """
    What clients added, beside the columns.  thing: taken apart.
    """
    extra = thing.pop("extra", None)
    return {**extra, **thing} if extra else thing


def _row(kind: Kind, thing: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in thing.items() if name in kind.columns}
    added = {name: value for name, value in thing.items() if name not in kind.columns}
    if "extra" in kind.table.c and added:
        row["extra"] = {**extra, **added}
    return row


def _check_references(connection: Connection, kind: Kind, thing: Mapping[str, Any]) -> None:
    for column, other in kind.references.items():
        named = thing.get(column)
        if named and find(connection, other, named) is None:
            raise AccountNotFound(other.noun, named)
