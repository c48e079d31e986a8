"""
Metadata of volumes and snapshots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Table, update

from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.errors import MetadataNotFound
from synnefo_tx.volume.rows import snapshots, tables, volumes

Metadata = dict[str, str]


@frozen(eq=False)
class Owner:
    """
    A kind of things that have metadata.
    """

    word: str
    table: Table
    find: Callable[..., Any]


VOLUME = Owner("Volume", tables.volumes, volumes.find)
SNAPSHOT = Owner("Snapshot", tables.snapshots, snapshots.find)


def read(connection: Connection, owner: Owner, caller: Caller, thing_id: str) -> Metadata:
    """
    Raises the owner's error.
    """
    metadata: Metadata = owner.find(connection, caller, thing_id).metadata
    return metadata


def value(
    connection: Connection, owner: Owner, caller: Caller, thing_id: str, key: str
) -> Metadata:
    """
    The one pair.  Raises MetadataNotFound, and the owner's error.
    """
    metadata = read(connection, owner, caller, thing_id)
    if key not in metadata:
        raise MetadataNotFound(owner.word, thing_id, key)
    return {key: metadata[key]}


def put(
    connection: Connection,
    owner: Owner,
    caller: Caller,
    thing_id: str,
    given: Metadata,
    now_us: int,
    keep: bool,
) -> Metadata:
    """
    All pairs after `given` were set.  keep: those with other keys stay.  Raises the owner's error.
    """
    row = owner.find(connection, caller, thing_id, to_change=True)
    return _store(connection, owner, row, {**row.metadata, **given} if keep else given, now_us)


def remove(
    connection: Connection, owner: Owner, caller: Caller, thing_id: str, key: str, now_us: int
) -> None:
    """
    Raises MetadataNotFound, and the owner's error.
    """
    row = owner.find(connection, caller, thing_id, to_change=True)
    if key not in row.metadata:
        raise MetadataNotFound(owner.word, thing_id, key)
    left = {name: kept for name, kept in row.metadata.items() if name != key}
    _store(connection, owner, row, left, now_us)


def _store(
    connection: Connection, owner: Owner, row: Any, metadata: Metadata, now_us: int
) -> Metadata:
    this = owner.table.c.id == row.id
    connection.execute(update(owner.table).where(this).values(metadata=metadata, updated_at=now_us))
    return metadata
