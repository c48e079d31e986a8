"""
Pages of volumes, snapshots and transfers, as a caller asks and may see.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Select, Table, false, func, select, true

from synnefo_tx.errors import BadRequest
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.store.keyset import SortKey, after, ordered
from synnefo_tx.volume.errors import SnapshotNotFound, TransferNotFound, VolumeNotFound
from synnefo_tx.volume.rows.tables import snapshots, transfers, volumes
from synnefo_tx.volume.rules.listing import Listing
from synnefo_tx.volume.rules.queries import FALSE, TRUE

Condition = ColumnElement[bool]
MAX_DIGITS = 10  # of what an integer column can hold
MOST_PAIRS = 128  # of metadata asked for
_METADATA_KEY = re.compile("[a-zA-Z0-9-_:. ]{1,255}")  # others would be paths within JSON


@frozen(eq=False)
class Kind:
    """
    columns: name in filters and orders -> column.  always: what all rows have to be.
    """

    table: Table
    missing: Callable[[str], Exception]
    columns: Mapping[str, ColumnElement[Any]]
    always: Condition | None = None


def page(connection: Connection, kind: Kind, caller: Caller, asked: Listing) -> list[Any]:
    """
    Raises the kind's error for a marker that is not there, and BadRequest.
    """
    statement = _matching(kind, caller, asked)
    keys = [SortKey(_sortable(kind.columns[name]), down) for name, down in asked.order]
    keys.append(SortKey(kind.table.c.id, asked.order[0][1]))
    if asked.marker is not None:
        wanted = _seen(kind, caller, asked).where(kind.table.c.id == asked.marker)
        at = connection.execute(wanted.with_only_columns(*(key.column for key in keys))).first()
        if at is None:
            raise kind.missing(asked.marker)
        statement = statement.where(after(keys, tuple(at)))
    cut = ordered(statement, keys).limit(asked.limit).offset(asked.offset)
    return list(connection.execute(cut))


def count(connection: Connection, kind: Kind, caller: Caller, asked: Listing) -> int:
    """
    How many there are on all pages.
    """
    counted = _matching(kind, caller, asked).with_only_columns(func.count())
    return int(connection.execute(counted).scalar_one())


def summed(
    connection: Connection, caller: Caller, asked: Listing
) -> tuple[int, int, dict[str, list[str]]]:
    """
    How many volumes there are, how large they are together in GiB, and the values of each key of
    their metadata.
    """
    metadata: dict[str, list[str]] = {}
    many = size = 0
    for row in connection.execute(_matching(VOLUMES, caller, asked)):
        many, size = many + 1, size + row.size_gib
        for key, value in row.metadata.items():
            values = metadata.setdefault(key, [])
            if value not in values:
                values.append(value)
    return many, size, metadata


def _seen(kind: Kind, caller: Caller, asked: Listing) -> Select[Any]:
    statement = select(kind.table)
    if kind.always is not None:
        statement = statement.where(kind.always)
    if asked.everyone:
        return statement
    return statement.where(visible(kind.table, Caller(caller.project_id, caller.user_id)))


def _matching(kind: Kind, caller: Caller, asked: Listing) -> Select[Any]:
    statement = _seen(kind, caller, asked)
    for name, value in asked.filters.items():
        statement = statement.where(_condition(kind, name, value))
    return statement


def _condition(kind: Kind, name: str, value: str) -> Condition:
    if name == "metadata" and "metadata" in kind.table.c:
        return _has_metadata(kind.table, value)
    like, plain = name.endswith("~"), name.removesuffix("~")
    column = kind.columns.get(plain)
    if column is None:
        return true()
    if like:
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return column.like(f"%{escaped}%", escape="\\")
    python_type = column.type.python_type
    if python_type is bool:
        return _truth(column, value)
    if python_type is int:
        is_number = value.isascii() and value.isdigit() and len(value) < MAX_DIGITS
        return column == int(value) if is_number else false()
    return column == value


def _truth(column: ColumnElement[Any], value: str) -> Condition:
    word = value.strip().lower()
    if word in TRUE:
        return column == true()
    return column == false() if word in FALSE else false()


def _has_metadata(table: Table, value: str) -> Condition:
    """
    value: a dict as Python writes it, as Cinder's clients send it.
    """
    try:
        wanted = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadRequest(f"Invalid metadata filter {value}") from error
    if not isinstance(wanted, dict) or len(wanted) > MOST_PAIRS:
        raise BadRequest(f"Invalid metadata filter {value}")
    if not all(_METADATA_KEY.fullmatch(str(key)) and _is_text(str(one))
               for key, one in wanted.items()):  # fmt: skip
        return false()
    held = [table.c.metadata[str(key)].as_string() == str(one) for key, one in wanted.items()]
    return true() if not held else held[0] if len(held) == 1 else _all(held)


def _is_text(value: str) -> bool:
    """
    Whether a column can hold it.
    """
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _all(conditions: list[Condition]) -> Condition:
    together = conditions[0]
    for one in conditions[1:]:
        together &= one
    return together


def _sortable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, "") if getattr(column, "nullable", False) else column


def _columns(table: Table, **more: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    usual = {name: table.c[name] for name in ("id", "name", "project_id", "created_at")}
    return {**usual, "display_name": table.c.name, **more}


VOLUMES = Kind(
    volumes,
    VolumeNotFound,
    _columns(
        volumes,
        status=volumes.c.status,
        size=volumes.c.size_gib,
        bootable=volumes.c.bootable,
        updated_at=volumes.c.updated_at,
        user_id=volumes.c.user_id,
        description=volumes.c.description,
    ),
    volumes.c.is_local == false(),
)
SNAPSHOTS = Kind(
    snapshots,
    SnapshotNotFound,
    _columns(
        snapshots,
        status=snapshots.c.status,
        volume_id=snapshots.c.volume_id,
        size=snapshots.c.size_gib,
        user_id=snapshots.c.user_id,
        updated_at=snapshots.c.updated_at,
    ),
)
TRANSFERS = Kind(transfers, TransferNotFound, _columns(transfers, volume_id=transfers.c.volume_id))
