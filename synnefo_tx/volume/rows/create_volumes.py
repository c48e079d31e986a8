"""
Creating a volume: from nothing, an image, a snapshot or another volume, in one transaction.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, insert, select

from synnefo_tx.errors import BadRequest
from synnefo_tx.identity.caller import Caller
from synnefo_tx.image.errors import ImageNotFound
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import GIB
from synnefo_tx.volume.errors import InvalidInput, InvalidSnapshot, InvalidVolume
from synnefo_tx.volume.rows import charges, snapshots, works
from synnefo_tx.volume.rows.tables import volumes
from synnefo_tx.volume.rows.volumes import AnyRow, find
from synnefo_tx.volume.rules import works as steps
from synnefo_tx.volume.rules.create_request import VolumeRequest
from synnefo_tx.volume.rules.image_metadata import copied

SOURCES = ("available", "in-use")  # of a volume that is copied


@frozen
class Source:
    """
    What a volume begins with.  least_gib: how large it is at least.  values: columns.
    """

    least_gib: int
    values: dict[str, Any]
    block: str | None = None
    copied_id: str | None = None


@frozen
class NewVolume:
    """
    A volume whose row is there, in GiB.
    """

    volume_id: str
    size_gib: int
    source: Source


def create_volume(
    connection: Connection, caller: Caller, request: VolumeRequest, now_us: int
) -> AnyRow:
    """
    The new volume, which storage is asked for.  Raises BadRequest, NotFound or OverQuota.
    """
    new = add_row(connection, caller, request, now_us)
    works.put(connection, "volume.create", new.volume_id, _steps(new), now_us)
    return find(connection, caller, new.volume_id)


def add_row(
    connection: Connection, caller: Caller, request: VolumeRequest, now_us: int
) -> NewVolume:
    """
    The row of a new volume, which somebody has to make.  Raises BadRequest, NotFound or OverQuota.
    """
    source = _source(connection, caller, request)
    size_gib = request.size_gib or source.least_gib
    if not size_gib:
        raise InvalidInput("Invalid volume size provided for create request: None (size argument "
                           "must be an integer (or string representation of an integer) and "
                           "greater than zero).")  # fmt: skip
    charges.check_size(connection, caller, size_gib)
    reserved = charges.of_volume(size_gib)
    charges.take(connection, Payer(caller.user_id, caller.project_id), reserved)
    volume_id = str(uuid.uuid4())
    connection.execute(
        insert(volumes).values(
            id=volume_id,
            name=request.name or "",
            description=request.description,
            project_id=caller.project_id,
            user_id=caller.user_id,
            is_local=False,
            index=0,
            size_gib=size_gib,
            status="creating",
            metadata=request.metadata,
            reserved=reserved,
            delete_on_termination=False,
            created_at=now_us,
            updated_at=now_us,
            **source.values,
        )
    )
    return NewVolume(volume_id, size_gib, source)


def _steps(new: NewVolume) -> tuple[steps.Step, ...]:
    source, volume_id, size_gib = new.source, new.volume_id, new.size_gib
    if source.copied_id is not None:
        return steps.copy(source.copied_id, volume_id, size_gib)
    if source.block is not None:
        return steps.clone(source.block, volume_id, size_gib)
    return steps.create(volume_id, size_gib)


def _source(connection: Connection, caller: Caller, request: VolumeRequest) -> Source:
    if request.snapshot_id is not None:
        return _of_snapshot(connection, caller, request.snapshot_id, request.size_gib)
    if request.source_id is not None:
        return _of_volume(connection, caller, request.source_id, request.size_gib)
    if request.image_id is not None:
        return _of_image(connection, caller, request.image_id, request.size_gib)
    return Source(0, {})


def _of_snapshot(
    connection: Connection, caller: Caller, snapshot_id: str, size_gib: int | None
) -> Source:
    snapshot = snapshots.find(connection, caller, snapshot_id, to_change=True)
    if snapshot.status != "available":
        raise InvalidSnapshot("Originating snapshot status must be one of available values")
    least = snapshot.size_gib
    if size_gib is not None and size_gib < least:
        raise InvalidInput(
            f"Volume size '{size_gib}'GB cannot be smaller than the snapshot size {least}GB. They "
            "must be >= original snapshot size."
        )
    # Not as the caller's: a volume may have gone to another project without its snapshots.
    origin = connection.execute(select(volumes).where(volumes.c.id == snapshot.volume_id)).one()
    values = {"snapshot_id": snapshot_id, **_inherited(origin)}
    return Source(least, values, block=steps.snapshot_block(snapshot_id))


def _of_volume(
    connection: Connection, caller: Caller, volume_id: str, size_gib: int | None
) -> Source:
    origin = find(connection, caller, volume_id, to_change=True)
    if origin.status not in SOURCES:
        raise InvalidVolume(f"Source volume status must be one of {', '.join(SOURCES)}")
    least = origin.size_gib
    if size_gib is not None and size_gib < least:
        raise InvalidInput(
            f"Volume size '{size_gib}'GB cannot be smaller than original volume size {least}GB. "
            "They must be >= original volume size."
        )
    values = {"source_volume_id": volume_id, **_inherited(origin)}
    return Source(least, values, copied_id=volume_id)


def _inherited(origin: AnyRow) -> dict[str, Any]:
    return {
        "bootable": origin.bootable,
        "image_id": origin.image_id,
        "image_metadata": origin.image_metadata,
    }


def _of_image(
    connection: Connection, caller: Caller, image_id: str, size_gib: int | None
) -> Source:
    image = _image(connection, caller, image_id)
    content = -(-(image.virtual_size or 0) // GIB)
    least = max(content, image.min_disk, 1)
    if size_gib is not None and size_gib < content:
        raise InvalidInput(
            f"Size of specified image {content}GB is larger than volume size {size_gib}GB."
        )
    if size_gib is not None and size_gib < least:
        raise InvalidInput(
            f"Volume size {size_gib}GB cannot be smaller than the image minDisk size {least}GB."
        )
    values = {"image_id": image_id, "bootable": True, "image_metadata": copied(image)}
    return Source(least, values, block=image.boot_volume)


def _image(connection: Connection, caller: Caller, image_id: str) -> Image:
    try:
        image = images.get(connection, image_id, Viewer(caller.project_id, caller.is_admin))
    except ImageNotFound as error:
        raise BadRequest("Invalid image identifier or unable to access requested image.") from error
    if image.status != "active":
        raise BadRequest(f"Invalid volume: Image {image_id} is not active.")
    if image.boot_volume is None or image.virtual_size is None:
        raise BadRequest(f"Image {image_id} is unacceptable: it is no disk that can be copied.")
    return image
