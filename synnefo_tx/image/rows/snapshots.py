"""
Images that are made of servers' disks: their volume is a sealed snapshot, which the disk's cluster
takes.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.image.model import Image
from synnefo_tx.image.rows import charges
from synnefo_tx.image.rows.images import add
from synnefo_tx.image.rows.tables import images, loose_volumes
from synnefo_tx.quota.errors import Exceeded

PATIENCE_US = 24 * 3600 * 1_000_000  # a snapshot that is not there by then is given up


def begin(connection: Connection, image: Image, volume: str, now_us: int) -> None:
    """
    The image waits for `volume` to be made.  Raises Exceeded when there is no room for it now.
    """
    charges.check_room(connection, image.owner, image.virtual_size)
    add(connection, image)
    connection.execute(
        insert(loose_volumes).values(
            volume=volume, image_id=image.id, upload_id=image.id, noted_at=now_us + PATIENCE_US
        )
    )


def finish(
    connection: Connection, image_id: str, volume: str, now_us: int, *, force: bool = False
) -> bool:
    """
    The volume is there.  force: whatever its owner's limits.  False when nobody wants the image
    any more, or its owner has no room for it: then it is gone, and the volume is garbage.
    """
    row = connection.execute(
        select(images).where(images.c.id == image_id, images.c.status == "saving").with_for_update()
    ).first()
    try:
        if row is not None:
            charges.charge(connection, row.owner, row.virtual_size, force=force)
    except Exceeded:
        row = None
    if row is None:
        give_up(connection, image_id, now_us)
        return False
    connection.execute(
        update(images)
        .where(images.c.id == image_id)
        .values(
            status="active",
            upload_id=None,
            size=row.virtual_size,
            file_volume=volume,
            boot_volume=volume,
            updated_at=now_us,
        )
    )
    connection.execute(delete(loose_volumes).where(loose_volumes.c.volume == volume))
    return True


def give_up(connection: Connection, image_id: str, now_us: int) -> None:
    """
    There will be no image; a volume that was made for it nevertheless is garbage.
    """
    connection.execute(
        update(images)
        .where(images.c.id == image_id, images.c.status == "saving")
        .values(status="deleted", upload_id=None, updated_at=now_us)
    )
    connection.execute(
        update(loose_volumes).where(loose_volumes.c.upload_id == image_id).values(upload_id=None)
    )
