"""
Attachments by Cinder's own API: rows alone, for those who connect volumes themselves.

What compute has plugged into a server is compute's to take out (plugging).
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.errors import Conflict
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.volume.errors import AttachmentNotFound, InvalidVolume
from synnefo_tx.volume.rows.tables import attachments, volumes
from synnefo_tx.volume.rows.volumes import AnyRow, change, find

Json = dict[str, Any]


@frozen(kw_only=True)
class Wanted:
    """
    To what a volume is attached.  mode: rw or ro.
    """

    server_id: str | None = None
    host_name: str | None = None
    mountpoint: str | None = None
    mode: str = "rw"
    connector: Json | None = None


def find_attachment(
    connection: Connection, caller: Caller, attachment_id: str
) -> tuple[AnyRow, AnyRow]:
    """
    The attachment, and its volume, to change.  Raises AttachmentNotFound.
    """
    row = connection.execute(
        select(attachments)
        .join(volumes, volumes.c.id == attachments.c.volume_id)
        .where(attachments.c.id == attachment_id, visible(volumes, caller))
    ).first()
    if row is None:
        raise AttachmentNotFound(f"attachment_id = {attachment_id}")
    return row, find(connection, caller, row.volume_id, to_change=True)


def list_attachments(
    connection: Connection, caller: Caller, filters: dict[str, str], everyone: bool
) -> list[AnyRow]:
    """
    Oldest first.
    """
    columns = {
        "volume_id": attachments.c.volume_id,
        "instance_id": attachments.c.server_id,
        "instance_uuid": attachments.c.server_id,
        "attach_status": attachments.c.status,
        "status": attachments.c.status,
        "id": attachments.c.id,
    }
    own = caller if everyone else Caller(caller.project_id, caller.user_id)
    statement = (
        select(attachments)
        .join(volumes, volumes.c.id == attachments.c.volume_id)
        .where(visible(volumes, own))
        .order_by(attachments.c.created_at, attachments.c.id)
    )
    for name, value in filters.items():
        if name in columns:
            statement = statement.where(columns[name] == value)
    return list(connection.execute(statement))


def reserve(connection: Connection, caller: Caller, volume_id: str, now_us: int) -> None:
    """
    Nobody else attaches it.  Raises VolumeNotFound or InvalidVolume.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    _need(volume, "reserve", "available")
    change(connection, volume, now_us, status="attaching", previous_status=volume.status)


def unreserve(connection: Connection, caller: Caller, volume_id: str, now_us: int) -> None:
    """
    Back again; nothing for one that is not reserved.  Raises VolumeNotFound.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status == "attaching":
        _freed(connection, volume, now_us)


def attach(
    connection: Connection, caller: Caller, volume_id: str, wanted: Wanted, now_us: int
) -> None:
    """
    It counts as attached.  Raises VolumeNotFound, InvalidVolume or Conflict.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    _need(volume, "attach", "available", "attaching")
    _refuse_servers(connection, volume_id)
    if volume.read_only and wanted.mode == "rw":
        raise InvalidVolume(f"Volume {volume_id} is read-only, but attach mode is {wanted.mode}.")
    _add(connection, volume, wanted, "attached", now_us)
    change(connection, volume, now_us, status="in-use")


def detach(
    connection: Connection,
    caller: Caller,
    volume_id: str,
    attachment_id: str | None,
    now_us: int,
) -> None:
    """
    It counts as detached.  Raises VolumeNotFound, AttachmentNotFound or Conflict.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    wanted = [attachments.c.volume_id == volume_id]
    if attachment_id is not None:
        wanted.append(attachments.c.id == attachment_id)
    row = connection.execute(select(attachments).where(*wanted)).first()
    if row is None and attachment_id is not None:
        raise AttachmentNotFound(f"attachment_id = {attachment_id}")
    if row is not None:
        remove(connection, row)
    if row is not None or volume.status in ("in-use", "detaching", "attaching"):
        _freed(connection, volume, now_us)


def begin_detaching(connection: Connection, caller: Caller, volume_id: str, now_us: int) -> None:
    """
    Raises VolumeNotFound, InvalidVolume or Conflict.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    _need(volume, "detach", "in-use")
    _refuse_servers(connection, volume_id)
    change(connection, volume, now_us, status="detaching", previous_status=volume.status)


def roll_detaching(connection: Connection, caller: Caller, volume_id: str, now_us: int) -> None:
    """
    It is attached as before.  Raises VolumeNotFound.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status == "detaching" and not any(
        row.is_plugged for row in _held(connection, volume_id)
    ):
        change(connection, volume, now_us, status="in-use")


def create(
    connection: Connection, caller: Caller, volume_id: str, wanted: Wanted, now_us: int
) -> AnyRow:
    """
    The new attachment.  Raises VolumeNotFound or InvalidVolume.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    _need(volume, "reserve", "available", "downloading")
    status = "attaching" if wanted.connector else "reserved"
    attachment_id = _add(connection, volume, wanted, status, now_us)
    change(connection, volume, now_us, status=status)
    return find_attachment(connection, caller, attachment_id)[0]


def connect(
    connection: Connection, caller: Caller, attachment_id: str, connector: Json, now_us: int
) -> AnyRow:
    """
    The attachment, by the host that the connector describes.  Raises AttachmentNotFound,
    InvalidVolume or Conflict.
    """
    row, volume = find_attachment(connection, caller, attachment_id)
    _refuse_plugged(row)
    _need(volume, "connect", "reserved", "attaching")
    values = {"connector": connector, "host_name": connector.get("host"), "status": "attaching"}
    _change(connection, row, mountpoint=connector.get("mountpoint"), **values)
    change(connection, volume, now_us, status="attaching")
    return find_attachment(connection, caller, attachment_id)[0]


def complete(connection: Connection, caller: Caller, attachment_id: str, now_us: int) -> None:
    """
    Whoever connected it says so.  Raises AttachmentNotFound, InvalidVolume or Conflict.
    """
    row, volume = find_attachment(connection, caller, attachment_id)
    _refuse_plugged(row)
    _need(volume, "complete attachment of", "attaching", "reserved")
    _change(connection, row, status="attached", attached_at=now_us)
    change(connection, volume, now_us, status="in-use")


def drop(connection: Connection, caller: Caller, attachment_id: str, now_us: int) -> None:
    """
    It is attached no more.  Raises AttachmentNotFound or Conflict.
    """
    row, volume = find_attachment(connection, caller, attachment_id)
    remove(connection, row)
    _freed(connection, volume, now_us)


def remove(connection: Connection, row: AnyRow) -> None:
    """
    Raises Conflict for what compute has plugged.
    """
    _refuse_plugged(row)
    connection.execute(delete(attachments).where(attachments.c.id == row.id))


def _refuse_plugged(row: AnyRow) -> None:
    if row.is_plugged:
        raise Conflict(f"Detach volume from instance {row.server_id} using the Compute API")


def _refuse_servers(connection: Connection, volume_id: str) -> None:
    for row in _held(connection, volume_id):
        _refuse_plugged(row)


def _freed(connection: Connection, volume: AnyRow, now_us: int) -> None:
    """
    Available, unless something else is attached: an available volume is in no server, so that
    another may have it, or another project.
    """
    if not _held(connection, volume.id):
        change(connection, volume, now_us, status="available")


def _held(connection: Connection, volume_id: str) -> list[AnyRow]:
    wanted = select(attachments).where(attachments.c.volume_id == volume_id)
    return list(connection.execute(wanted))


def _need(volume: AnyRow, what: str, *allowed: str) -> None:
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume {volume.id} status must be {' or '.join(allowed)} to {what}, but the current "
            f"status is {volume.status}."
        )


def _add(connection: Connection, volume: AnyRow, wanted: Wanted, status: str, now_us: int) -> str:
    attachment_id = str(uuid.uuid4())
    connector = wanted.connector or {}
    connection.execute(
        insert(attachments).values(
            id=attachment_id,
            volume_id=volume.id,
            server_id=wanted.server_id,
            host_name=wanted.host_name or connector.get("host"),
            is_plugged=False,
            status=status,
            mode=wanted.mode,
            mountpoint=wanted.mountpoint or connector.get("mountpoint"),
            delete_on_termination=False,
            connector=wanted.connector,
            created_at=now_us,
            attached_at=now_us if status == "attached" else None,
        )
    )
    return attachment_id


def _change(connection: Connection, row: AnyRow, **values: Any) -> None:
    connection.execute(update(attachments).where(attachments.c.id == row.id).values(**values))
