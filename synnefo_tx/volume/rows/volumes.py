"""
Volumes: finding them, and the changes of one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, false, select, update

from synnefo_tx.events.rows.feed import Event, append
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.volume.errors import InvalidVolume, VolumeNotFound
from synnefo_tx.volume.rows import charges, works
from synnefo_tx.volume.rows.tables import attachments, snapshots, transfers, volumes
from synnefo_tx.volume.rules import works as steps

AnyRow = Row[Any]
DELETABLE = frozenset(
    {"available", "error", "error_restoring", "error_extending", "error_managing"}
)
NOT_DELETABLE = (
    "Volume status must be available or error or error_restoring or error_extending or "
    "error_managing and must not be migrating, attached, belong to a group, have snapshots, "
    "awaiting a transfer, or be disassociated from snapshots after volume transfer."
)


def find(connection: Connection, caller: Caller, volume_id: str, to_change: bool = False) -> AnyRow:
    """
    The caller's volume.  to_change: nobody else changes it until our transaction ends.  Raises
    VolumeNotFound.
    """
    statement = select(volumes).where(
        volumes.c.id == volume_id, volumes.c.is_local == false(), visible(volumes, caller)
    )
    if to_change:
        statement = statement.with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise VolumeNotFound(volume_id)
    return row


def locked(connection: Connection, volume_id: str) -> AnyRow | None:
    """
    Anybody's volume, to change it; None when it is gone.
    """
    return connection.execute(
        select(volumes).where(volumes.c.id == volume_id).with_for_update()
    ).first()


def change(connection: Connection, volume: AnyRow, now_us: int, **values: Any) -> None:
    """
    New `values` (column -> value), and the project's followers are told.
    """
    connection.execute(
        update(volumes).where(volumes.c.id == volume.id).values(**values, updated_at=now_us)
    )
    body = {"status": values.get("status", volume.status)}
    _tell(connection, volume, "changed", now_us, body)


def update_volume(
    connection: Connection, caller: Caller, volume_id: str, values: dict[str, Any], now_us: int
) -> AnyRow:
    """
    The volume with new values.  Raises VolumeNotFound.
    """
    change(connection, find(connection, caller, volume_id, to_change=True), now_us, **values)
    return find(connection, caller, volume_id)


def delete_volume(
    connection: Connection,
    caller: Caller,
    volume_id: str,
    now_us: int,
    cascade: bool = False,
    force: bool = False,
) -> None:
    """
    Wish it away.  cascade: with its snapshots.  force: whatever its status.  Raises VolumeNotFound
    or InvalidVolume.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status == "deleting":
        return
    if not force and volume.status not in DELETABLE:
        raise InvalidVolume(NOT_DELETABLE)
    if _is_attached(connection, volume_id) or is_copied(
        connection, volumes.c.source_volume_id == volume_id
    ):
        raise InvalidVolume(NOT_DELETABLE)
    found = list(connection.execute(select(snapshots).where(snapshots.c.volume_id == volume_id)))
    if found and not cascade:
        raise InvalidVolume(NOT_DELETABLE)
    if any(snapshot.project_id != volume.project_id for snapshot in found):
        raise InvalidVolume(NOT_DELETABLE)  # they stayed where the volume came from
    for snapshot in found:
        delete_snapshot(connection, snapshot, now_us)
    connection.execute(delete(transfers).where(transfers.c.volume_id == volume_id))
    begin_deleting(connection, volume, now_us)


def begin_deleting(connection: Connection, volume: AnyRow, now_us: int) -> None:
    """
    Storage is asked to delete it.
    """
    change(connection, volume, now_us, status="deleting", previous_status=volume.status)
    works.put(connection, "volume.delete", volume.id, steps.delete_volume(volume.id), now_us)


def delete_snapshot(connection: Connection, snapshot: AnyRow, now_us: int) -> None:
    """
    Storage is asked to delete a snapshot.
    """
    this = snapshots.c.id == snapshot.id
    connection.execute(update(snapshots).where(this).values(status="deleting", updated_at=now_us))
    wanted = steps.delete_snapshot(snapshot.id)
    works.put(connection, "snapshot.delete", snapshot.id, wanted, now_us)


def remove(connection: Connection, volume: AnyRow, now_us: int) -> None:
    """
    It is gone from storage: its row goes, and what it was charged returns.
    """
    charges.give_back(connection, volume)
    connection.execute(delete(volumes).where(volumes.c.id == volume.id))
    _tell(connection, volume, "deleted", now_us, {})


def is_copied(connection: Connection, copies: ColumnElement[bool]) -> bool:
    """
    Whether one of `copies` (of volumes) is still being made.
    """
    wanted = select(volumes.c.id).where(copies, volumes.c.status == "creating")
    return connection.execute(wanted).first() is not None


def _is_attached(connection: Connection, volume_id: str) -> bool:
    wanted = select(attachments.c.id).where(attachments.c.volume_id == volume_id)
    return connection.execute(wanted).first() is not None


def _tell(
    connection: Connection, volume: AnyRow, name: str, now_us: int, body: dict[str, Any]
) -> None:
    event = Event(
        project_id=volume.project_id, kind="volume", thing_id=volume.id, name=name, body=body
    )
    append(connection, event, now_us)
