"""
Images of servers' disks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.root_disks import root_disk
from synnefo_tx.compute.rows.servers import AnyRow
from synnefo_tx.compute.rules import states
from synnefo_tx.effect.plans import server_life
from synnefo_tx.effect.tasks import Ended
from synnefo_tx.errors import BadRequest
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images, snapshots
from synnefo_tx.image.rows.tables import images as image_table
from synnefo_tx.quota.registered import GIB

# Of the image that the server was made of, what an image of its disk does not take over.
NOT_INHERITED = frozenset({"image_type", "backup_type", "instance_uuid", "user_id"})


def create_image(connection: Connection, ask: Ask, name: str, properties: Mapping[str, str]) -> str:
    """
    Wish for an image of the server's boot disk as it is now; the new image's id.  Raises
    InstanceNotFound, InvalidState, BadRequest or OverQuota.
    """
    server = asked_of(connection, ask, states.CREATE_IMAGE)
    own = {"image_type": "snapshot", **properties}
    image = take(connection, ask, server, name, own)
    _begin(connection, ask, server, states.CREATE_IMAGE, image, {})
    return image.id


def create_backup(
    connection: Connection,
    ask: Ask,
    name: str,
    backup_type: str,
    rotation: int,
    properties: Mapping[str, str],
) -> str:
    """
    The same, kept as one of the newest `rotation` images of its kind; older ones go when it is
    there.
    """
    server = asked_of(connection, ask, states.CREATE_BACKUP)
    if server.image_id is None:
        raise BadRequest("Backup is not supported for volume-backed instances.")
    own = {"image_type": "backup", **properties, "backup_type": backup_type}
    image = take(connection, ask, server, name, own)
    kept = {"backup_type": backup_type, "rotation": rotation}
    _begin(connection, ask, server, states.CREATE_BACKUP, image, kept)
    return image.id


def taken(connection: Connection, server: AnyRow, ended: Ended) -> None:
    """
    The snapshot is there, and its image active.
    """
    context, now_us = ended.task.context, ended.now_us
    image_id = context["image_id"]
    there = snapshots.finish(connection, image_id, volume_of(image_id), now_us)
    if there and "rotation" in context:
        _rotate(connection, server, context["backup_type"], context["rotation"], now_us)


def not_taken(connection: Connection, _server: AnyRow, ended: Ended) -> None:
    """
    There is no image.
    """
    given_up(connection, ended)


def given_up(connection: Connection, ended: Ended) -> None:
    """
    As with Nova there is no image of a server that is deleted meanwhile.
    """
    snapshots.give_up(connection, ended.task.context["image_id"], ended.now_us)


def volume_of(image_id: str) -> str:
    """
    The block volume of an image that was a server's disk.
    """
    return f"img-{image_id}"


def take(
    connection: Connection, ask: Ask, server: AnyRow, name: str, properties: Mapping[str, str]
) -> Image:
    """
    A new image that waits for a snapshot of the server's boot disk.  Raises BadRequest or
    OverQuota.
    """
    disk = root_disk(connection, server)
    if disk is None:
        raise BadRequest("Images of servers that boot from a volume can't be made here yet.")
    base = _base(connection, server)
    image_id = str(uuid.uuid4())
    image = Image(
        id=image_id,
        name=name,
        owner=server.project_id,
        visibility="private",
        status="saving",
        disk_format="raw",
        container_format="bare",
        virtual_size=disk.size_gib * GIB,
        min_disk=max(server.flavor["disk"], disk.size_gib),
        min_ram=base.min_ram if base is not None else 0,
        properties={
            **_inherited(base),
            **properties,
            "instance_uuid": server.id,
            "user_id": ask.caller.user_id,
            "base_image_ref": server.image_id,
        },
        upload_id=image_id,
        created_at=ask.now_us,
        updated_at=ask.now_us,
    )
    snapshots.begin(connection, image, volume_of(image.id), ask.now_us)
    return image


def names_of(connection: Connection, server: AnyRow, image: Image) -> dict[str, str]:
    """
    The server's boot disk -> the snapshot that `image` waits for.
    """
    disk = root_disk(connection, server)
    assert disk is not None  # take has looked
    return {server_life.volume_disk(disk.id): volume_of(image.id)}


def _base(connection: Connection, server: AnyRow) -> AnyRow | None:
    """
    The image that the server was made of, though it may be gone.
    """
    wanted = select(image_table).where(image_table.c.id == server.image_id)
    return connection.execute(wanted).first()


def _inherited(base: AnyRow | None) -> dict[str, str]:
    if base is None:
        return {}
    return {name: value for name, value in base.properties.items() if name not in NOT_INHERITED}


def _begin(
    connection: Connection,
    ask: Ask,
    server: AnyRow,
    action: states.Action,
    image: Image,
    context: Mapping[str, Any],
) -> None:
    steps = server_life.snapshot(place_of(server), names_of(connection, server, image))
    begin(connection, ask, server, action, steps, {**context, "image_id": image.id})


def _rotate(
    connection: Connection, server: AnyRow, backup_type: str, rotation: int, now_us: int
) -> None:
    wanted = (
        select(image_table)
        .where(
            image_table.c.owner == server.project_id,
            image_table.c.status == "active",
            image_table.c.protected.is_(False),
        )
        .order_by(image_table.c.created_at.desc(), image_table.c.id.desc())
    )
    of_kind = {"image_type": "backup", "backup_type": backup_type, "instance_uuid": server.id}
    backups = [
        row.id
        for row in connection.execute(wanted)
        if of_kind.items() <= dict(row.properties).items()
    ]
    for image_id in backups[rotation:]:
        images.remove(connection, image_id, Viewer(server.project_id), now_us)
