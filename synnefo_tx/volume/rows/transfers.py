"""
Transfers: a volume goes to another project, to whoever knows the key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.errors import BadRequest
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.quota.model import Payer
from synnefo_tx.volume.errors import InvalidVolume, TransferNotFound
from synnefo_tx.volume.rows import charges, volumes
from synnefo_tx.volume.rows.tables import snapshots, transfers
from synnefo_tx.volume.rows.tables import volumes as volumes_table

AnyRow = Any


def find(connection: Connection, caller: Caller, transfer_id: str) -> AnyRow:
    """
    The caller's transfer.  Raises TransferNotFound.
    """
    row = connection.execute(
        select(transfers).where(transfers.c.id == transfer_id, visible(transfers, caller))
    ).first()
    if row is None:
        raise TransferNotFound(transfer_id)
    return row


def create(
    connection: Connection,
    caller: Caller,
    volume_id: str,
    name: str | None,
    no_snapshots: bool,
    now_us: int,
) -> tuple[AnyRow, str]:
    """
    The new transfer, and the key that is told this once.  Raises VolumeNotFound or InvalidVolume.
    """
    volume = volumes.find(connection, caller, volume_id, to_change=True)
    if volume.status != "available":
        raise InvalidVolume(
            f"Volume {volume_id} status must be available to transfer, but the current status is "
            f"{volume.status}."
        )
    salt, key, transfer_id = secrets.token_hex(8), secrets.token_hex(8), str(uuid.uuid4())
    connection.execute(
        insert(transfers).values(
            id=transfer_id,
            volume_id=volume_id,
            name=name,
            project_id=volume.project_id,
            salt=salt,
            digest=_digest(salt, key),
            no_snapshots=no_snapshots,
            created_at=now_us,
        )
    )
    volumes.change(connection, volume, now_us, status="awaiting-transfer")
    return find(connection, caller, transfer_id), key


def cancel(connection: Connection, caller: Caller, transfer_id: str, now_us: int) -> None:
    """
    The volume stays.  Raises TransferNotFound.
    """
    transfer = find(connection, caller, transfer_id)
    _over(connection, transfer, now_us)


def accept(
    connection: Connection, caller: Caller, transfer_id: str, key: str, now_us: int
) -> AnyRow:
    """
    The volume is the caller's project's from now on, with its charges.  Raises TransferNotFound,
    BadRequest for a wrong key, InvalidVolume or OverQuota.
    """
    transfer = connection.execute(
        select(transfers).where(transfers.c.id == transfer_id).with_for_update()
    ).first()
    if transfer is None:
        raise TransferNotFound(transfer_id)
    if not hmac.compare_digest(_digest(transfer.salt, key), transfer.digest):
        raise BadRequest(
            f"Invalid auth key: Attempt to transfer {transfer_id} with invalid auth key."
        )
    volume = volumes.locked(connection, transfer.volume_id)
    if volume is None or volume.status != "awaiting-transfer":
        raise InvalidVolume(f"Volume {transfer.volume_id} is awaiting no transfer.")
    with_it = [] if transfer.no_snapshots else _snapshots_of(connection, volume)
    for table, row in [(volumes_table, volume), *((snapshots, one) for one in with_it)]:
        _move(connection, table, row, caller)
    _over(connection, transfer, now_us)
    return transfer


def _snapshots_of(connection: Connection, volume: AnyRow) -> list[AnyRow]:
    """
    Those of its own project.  Locked: one that is deleted meanwhile would return its charge twice.
    """
    of_it = (snapshots.c.volume_id == volume.id, snapshots.c.project_id == volume.project_id)
    wanted = select(snapshots).where(*of_it).order_by(snapshots.c.id).with_for_update()
    return list(connection.execute(wanted))


def _move(connection: Connection, table: Any, row: AnyRow, caller: Caller) -> None:
    charges.take(connection, Payer(caller.user_id, caller.project_id), row.reserved)
    charges.give_back(connection, row)
    owner = {"project_id": caller.project_id, "user_id": caller.user_id}
    connection.execute(update(table).where(table.c.id == row.id).values(**owner))


def _over(connection: Connection, transfer: AnyRow, now_us: int) -> None:
    connection.execute(delete(transfers).where(transfers.c.id == transfer.id))
    volume = volumes.locked(connection, transfer.volume_id)
    if volume is not None and volume.status == "awaiting-transfer":
        volumes.change(connection, volume, now_us, status="available")


def _digest(salt: str, key: str) -> str:
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()
