"""
Snapshots: taking, finding, changing and deleting them.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, insert, select, update

from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.quota.model import Payer
from synnefo_tx.volume.errors import InvalidSnapshot, InvalidVolume, SnapshotNotFound
from synnefo_tx.volume.rows import charges, tables, volumes, works
from synnefo_tx.volume.rows.tables import snapshots
from synnefo_tx.volume.rules import works as steps

AnyRow = Any
DELETABLE = frozenset({"available", "error"})


@frozen(kw_only=True)
class SnapshotRequest:
    """
    forced: though the volume is in use.
    """

    volume_id: str
    name: str | None
    description: str | None
    metadata: dict[str, str]
    forced: bool


def find(
    connection: Connection, caller: Caller, snapshot_id: str, to_change: bool = False
) -> AnyRow:
    """
    The caller's snapshot.  to_change: nobody else changes it until our transaction ends.  Raises
    SnapshotNotFound.
    """
    statement = select(snapshots).where(snapshots.c.id == snapshot_id, visible(snapshots, caller))
    row = connection.execute(statement.with_for_update() if to_change else statement).first()
    if row is None:
        raise SnapshotNotFound(snapshot_id)
    return row


def create(connection: Connection, caller: Caller, request: SnapshotRequest, now_us: int) -> AnyRow:
    """
    The new snapshot, which storage is asked for.  Raises VolumeNotFound, InvalidVolume or
    OverQuota.
    """
    volume = volumes.find(connection, caller, request.volume_id, to_change=True)
    allowed = ("available", "in-use") if request.forced else ("available",)
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume {volume.id} status must be available, but current status is: {volume.status}."
        )
    reserved = charges.of_snapshot(volume.size_gib)
    charges.take(connection, Payer(caller.user_id, volume.project_id), reserved)
    snapshot_id = str(uuid.uuid4())
    connection.execute(
        insert(snapshots).values(
            id=snapshot_id,
            volume_id=volume.id,
            name=request.name,
            description=request.description,
            project_id=volume.project_id,
            user_id=caller.user_id,
            status="creating",
            size_gib=volume.size_gib,
            metadata=request.metadata,
            reserved=reserved,
            created_at=now_us,
            updated_at=now_us,
        )
    )
    wanted = steps.snapshot(volume.id, snapshot_id)
    works.put(connection, "snapshot.create", snapshot_id, wanted, now_us)
    return find(connection, caller, snapshot_id)


def change(
    connection: Connection, caller: Caller, snapshot_id: str, values: dict[str, Any], now_us: int
) -> AnyRow:
    """
    The snapshot with new values.  Raises SnapshotNotFound.
    """
    find(connection, caller, snapshot_id, to_change=True)
    this = snapshots.c.id == snapshot_id
    connection.execute(update(snapshots).where(this).values(**values, updated_at=now_us))
    return find(connection, caller, snapshot_id)


def delete(
    connection: Connection, caller: Caller, snapshot_id: str, now_us: int, force: bool = False
) -> None:
    """
    Wish it away.  force: whatever its status.  Raises SnapshotNotFound or InvalidSnapshot.
    """
    snapshot = find(connection, caller, snapshot_id, to_change=True)
    being_copied = volumes.is_copied(connection, tables.volumes.c.snapshot_id == snapshot_id)
    if being_copied or (not force and snapshot.status not in DELETABLE):
        raise InvalidSnapshot(
            "Snapshot status must be available or error, and must not be part of a group."
        )
    volumes.delete_snapshot(connection, snapshot, now_us)
