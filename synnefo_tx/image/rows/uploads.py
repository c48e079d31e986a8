"""
An upload's life in the database, and the volumes that nobody owns.

The volumes of an upload are noted before they are made; the transaction that makes the image
active strikes them out.  Whatever ends an upload otherwise (an error, a crash) leaves them noted,
and a sweep deletes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import Connection, delete, insert, or_, select, update

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.errors import UploadOvertaken, WrongStatus
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import charges
from synnefo_tx.image.rows.images import get_to_change
from synnefo_tx.image.rows.tables import images, loose_volumes


@frozen(kw_only=True)
class Received:
    """
    What the bytes came to.  size and virtual_size are bytes; boot_volume and virtual_size are
    None when the disk in them is not understood.
    """

    size: int
    checksum: str
    sha512: str
    file_volume: str
    boot_volume: str | None
    virtual_size: int | None


def begin(
    connection: Connection,
    image_id: str,
    viewer: Viewer,
    upload_id: str,
    volumes: Sequence[str],
    now_us: int,
    size: int | None = None,
) -> Image:
    """
    queued -> saving.  Gives the image as it was.  size: bytes that are to come, if that is known.

    Raises ImageNotFound, NotPermitted, WrongStatus (another upload is under way, or it has data),
    BadRequest (formats not set) and Exceeded.
    """
    image = get_to_change(connection, image_id, viewer, "upload_image")
    if image.status != "queued":
        raise WrongStatus(image.status, "saving")
    missing = [name for name in ("disk_format", "container_format") if not getattr(image, name)]
    if missing:
        what = "Property" if len(missing) == 1 else "Properties"
        raise BadRequest(f"{what} {', '.join(missing)} must be set prior to saving data.")
    charges.check_room(connection, image.owner, size)
    connection.execute(
        update(images)
        .where(images.c.id == image_id)
        .values(status="saving", upload_id=upload_id, updated_at=now_us)
    )
    for volume in volumes:
        connection.execute(
            insert(loose_volumes).values(
                volume=volume, image_id=image_id, upload_id=upload_id, noted_at=now_us
            )
        )
    return image


def renew(connection: Connection, upload_id: str, now_us: int) -> None:
    """
    Say that the upload lives.  Raises UploadOvertaken when it was given up for dead.
    """
    alive = connection.execute(
        update(loose_volumes).where(loose_volumes.c.upload_id == upload_id).values(noted_at=now_us)
    )
    if alive.rowcount == 0:
        raise UploadOvertaken(upload_id)


def finish(
    connection: Connection, image_id: str, upload_id: str, received: Received, now_us: int
) -> None:
    """
    saving -> active: the volumes are the image's.  Raises UploadOvertaken and Exceeded.

    A volume that was noted and is not used was never made.
    """
    changed = connection.execute(
        update(images)
        .where(
            images.c.id == image_id,
            images.c.status == "saving",
            images.c.upload_id == upload_id,
        )
        .values(
            status="active",
            upload_id=None,
            size=received.size,
            virtual_size=received.virtual_size,
            checksum=received.checksum,
            os_hash_algo="sha512",
            os_hash_value=received.sha512,
            file_volume=received.file_volume,
            boot_volume=received.boot_volume,
            updated_at=now_us,
        )
    )
    if changed.rowcount != 1:
        raise UploadOvertaken(image_id)
    owner = connection.execute(select(images.c.owner).where(images.c.id == image_id)).scalar_one()
    charges.charge(connection, owner, received.size)
    connection.execute(delete(loose_volumes).where(loose_volumes.c.upload_id == upload_id))


def give_up(connection: Connection, image_id: str, upload_id: str, now_us: int) -> list[str]:
    """
    saving -> queued, if the upload still has the image.  Gives the volumes to delete.
    """
    connection.execute(
        update(images)
        .where(images.c.id == image_id, images.c.upload_id == upload_id)
        .values(status="queued", upload_id=None, updated_at=now_us)
    )
    noted = select(loose_volumes.c.volume).where(loose_volumes.c.upload_id == upload_id)
    volumes = list(connection.execute(noted).scalars())
    connection.execute(
        update(loose_volumes).where(loose_volumes.c.upload_id == upload_id).values(upload_id=None)
    )
    return volumes


def give_up_dead(connection: Connection, before_us: int, now_us: int) -> list[str]:
    """
    End every upload that has not renewed itself since `before_us`, and give all volumes that
    nobody owns.
    """
    living = select(loose_volumes.c.upload_id).where(
        loose_volumes.c.upload_id.is_not(None), loose_volumes.c.noted_at >= before_us
    )
    connection.execute(
        update(images)
        .where(
            images.c.status == "saving",
            or_(images.c.upload_id.is_(None), images.c.upload_id.not_in(living)),
        )
        .values(status="queued", upload_id=None, updated_at=now_us)
    )
    connection.execute(
        update(loose_volumes).where(loose_volumes.c.noted_at < before_us).values(upload_id=None)
    )
    unowned = select(loose_volumes.c.volume).where(loose_volumes.c.upload_id.is_(None))
    return list(connection.execute(unowned).scalars())


def strike(connection: Connection, volume: str) -> None:
    """
    The volume is no more.
    """
    connection.execute(delete(loose_volumes).where(loose_volumes.c.volume == volume))
