"""
Holdings, locked in the order of their keys until the caller's transaction ends.

On SQLite the transaction itself locks everything (BEGIN IMMEDIATE).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from synnefo_tx.quota.model import Holding, Key
from synnefo_tx.quota.rows.limits import due_limits
from synnefo_tx.quota.rows.tables import holdings


@frozen
class Change:
    """
    What is added to usage_min and usage_max of a holding.
    """

    least: int
    most: int


def key_of(row: Any) -> Key:
    """
    The key of a row that has its columns.
    """
    return Key(row.holder, row.source, row.resource)


def lock(connection: Connection, keys: Collection[Key]) -> dict[Key, Row[Any]]:
    """
    The rows of these holdings; those that were missing are made, with the limits due to them.
    Raises KeyError for an unknown resource.
    """
    found = _found(connection, select_keys(keys).with_for_update())
    missing = sorted(set(keys) - found.keys())
    if missing:
        _make(connection, missing)
        found = _found(connection, select_keys(keys).with_for_update())
    return found


def look(connection: Connection, keys: Collection[Key]) -> dict[Key, Holding]:
    """
    These holdings as they are or would be, unlocked.  Raises KeyError for an unknown resource.
    """
    found = {key: holding_of(row) for key, row in _found(connection, select_keys(keys)).items()}
    missing = set(keys) - found.keys()
    if missing:
        due = due_limits(connection, missing)
        found |= {key: Holding(due[key], 0) for key in missing}
    return found


def holding_of(row: Row[Any]) -> Holding:
    """
    A row as services see it.
    """
    return Holding(row.limit, row.usage_max, row.usage_max - row.usage_min)


def change(connection: Connection, changes: Mapping[Key, Change]) -> None:
    """
    Add to holdings that the caller has locked.
    """
    moved = [
        {
            "its_holder": key.holder,
            "its_source": key.source,
            "its_resource": key.resource,
            "least": one.least,
            "most": one.most,
        }
        for key, one in sorted(changes.items(), key=lambda item: item[0])
        if one.least or one.most
    ]
    if moved:
        connection.execute(_ADD, moved)


_THIS = and_(
    holdings.c.holder == bindparam("its_holder"),
    holdings.c.source == bindparam("its_source"),
    holdings.c.resource == bindparam("its_resource"),
)
_ADD = (
    update(holdings)
    .where(_THIS)
    .values(
        usage_min=holdings.c.usage_min + bindparam("least"),
        usage_max=holdings.c.usage_max + bindparam("most"),
    )
)
_ORDER = (holdings.c.holder, holdings.c.source, holdings.c.resource)


def select_keys(keys: Iterable[Key]) -> Select[Any]:
    """
    The rows of these keys, in the order in which everybody locks.
    """
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in keys:
        wanted[key.holder, key.source].append(key.resource)
    places = [
        and_(
            holdings.c.holder == holder,
            holdings.c.source == source,
            holdings.c.resource.in_(sorted(names)),
        )
        for (holder, source), names in sorted(wanted.items())
    ]
    return select(holdings).where(or_(False, *places)).order_by(*_ORDER)


def lock_where(connection: Connection, *where: Any) -> dict[Key, Row[Any]]:
    """
    The holdings that there are, of those that `where` means.
    """
    return _found(connection, select(holdings).where(*where).order_by(*_ORDER).with_for_update())


def _found(connection: Connection, statement: Select[Any]) -> dict[Key, Row[Any]]:
    return {key_of(row): row for row in connection.execute(statement)}


def _make(connection: Connection, keys: Collection[Key]) -> None:
    """
    Another transaction may be quicker (PostgreSQL only); its row is as good as ours.
    """
    due = due_limits(connection, keys, keep=True)
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(holdings).on_conflict_do_nothing(),
        [
            {
                "holder": key.holder,
                "source": key.source,
                "resource": key.resource,
                "limit": due[key],
                "usage_min": 0,
                "usage_max": 0,
            }
            for key in keys
        ],
    )
