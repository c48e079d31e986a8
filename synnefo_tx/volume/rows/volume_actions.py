"""
What can be asked of one volume: units of work.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.ask import Ask
from synnefo_tx.identity.caller import Caller
from synnefo_tx.quota.registered import DISK, GIB
from synnefo_tx.volume.errors import InvalidInput, InvalidVolume, MetadataNotFound
from synnefo_tx.volume.rows import charges, works
from synnefo_tx.volume.rows.plugging import grow_plugged
from synnefo_tx.volume.rows.tables import snapshots
from synnefo_tx.volume.rows.volumes import AnyRow, change, find
from synnefo_tx.volume.rules import works as steps


def extend(connection: Connection, ask: Ask, volume_id: str, size_gib: int, in_use: bool) -> None:
    """
    Make it larger; `ask` is of no server.  in_use: also one that a server uses.  Raises
    VolumeNotFound, InvalidVolume, InvalidInput or OverQuota.
    """
    caller, now_us = ask.caller, ask.now_us
    volume = find(connection, caller, volume_id, to_change=True)
    allowed = ("available", "in-use") if in_use else ("available",)
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume {volume_id} status must be '{allowed[-1]}' to extend, currently "
            f"{volume.status}."
        )
    if size_gib <= volume.size_gib:
        raise InvalidInput(
            "New size for extend must be greater than current size. (current: "
            f"{volume.size_gib}, extended: {size_gib})."
        )
    charges.check_size(connection, caller, size_gib)
    more = (size_gib - volume.size_gib) * GIB
    charges.take(connection, charges.payer_of(volume), {DISK: more})
    reserved = charges.of_volume(size_gib)
    change(connection, volume, now_us, status="extending", reserved=reserved)
    if volume.status == "in-use":
        grow_plugged(connection, ask, volume, size_gib)
        return
    context = {"size_gib": size_gib, "status": volume.status}
    works.put(
        connection, "volume.extend", volume_id, steps.grow(volume_id, size_gib), now_us, context
    )


def revert(
    connection: Connection, caller: Caller, volume_id: str, snapshot_id: str, now_us: int
) -> None:
    """
    The volume's content is that of its latest snapshot again.  Raises VolumeNotFound,
    InvalidVolume or InvalidInput.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status != "available":
        raise InvalidVolume(
            f"Volume {volume_id} status must be available to revert, currently {volume.status}."
        )
    latest = connection.execute(
        select(snapshots)
        .where(snapshots.c.volume_id == volume_id, snapshots.c.project_id == volume.project_id)
        .order_by(snapshots.c.created_at.desc(), snapshots.c.id.desc())
        .limit(1)
    ).first()
    if latest is None or latest.id != snapshot_id or latest.status != "available":
        raise InvalidInput(
            f"Specified snapshot {snapshot_id} isn't the latest available snapshot of volume "
            f"{volume_id}."
        )
    change(connection, volume, now_us, status="reverting")
    wanted = steps.revert(volume_id, snapshot_id, volume.size_gib)
    works.put(connection, "volume.revert", volume_id, wanted, now_us)


def set_values(
    connection: Connection, caller: Caller, volume_id: str, values: dict[str, Any], now_us: int
) -> None:
    """
    What is written down and done nowhere.  Raises VolumeNotFound.
    """
    change(connection, find(connection, caller, volume_id, to_change=True), now_us, **values)


def set_read_only(
    connection: Connection, caller: Caller, volume_id: str, read_only: bool, now_us: int
) -> None:
    """
    Whether those to whom it is attached from now on may write.  Raises VolumeNotFound or
    InvalidVolume.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    if volume.status != "available":
        raise InvalidVolume(
            f"Volume {volume_id} status must be available to update readonly flag, but current "
            f"status is: {volume.status}."
        )
    change(connection, volume, now_us, read_only=read_only)


def image_metadata(connection: Connection, caller: Caller, volume_id: str) -> dict[str, str]:
    """
    Raises VolumeNotFound.
    """
    return find(connection, caller, volume_id).image_metadata or {}


def set_image_metadata(
    connection: Connection,
    caller: Caller,
    volume_id: str,
    given: dict[str, str],
    now_us: int,
) -> dict[str, str]:
    """
    All of it, after these were set.  Raises VolumeNotFound.
    """
    volume = find(connection, caller, volume_id, to_change=True)
    metadata = {**(volume.image_metadata or {}), **given}
    change(connection, volume, now_us, image_metadata=metadata)
    return metadata


def unset_image_metadata(
    connection: Connection, caller: Caller, volume_id: str, key: str, now_us: int
) -> None:
    """
    Raises VolumeNotFound or MetadataNotFound.
    """
    volume: AnyRow = find(connection, caller, volume_id, to_change=True)
    known = volume.image_metadata or {}
    if key not in known:
        raise MetadataNotFound("Volume", volume_id, key)
    left = {name: value for name, value in known.items() if name != key}
    change(connection, volume, now_us, image_metadata=left)
