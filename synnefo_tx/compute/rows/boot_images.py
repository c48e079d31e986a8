"""
The images that servers can be made of, as compute needs them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, or_, select

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.rows.tables import images

AnyRow = Row[Any]

GIB = 1024**3


def find_bootable(connection: Connection, image_id: str, project_id: str, everyone: bool) -> AnyRow:
    """
    An image that the project may use and that can be booted.  Raises BadRequest in Nova's words.
    """
    statement = select(images).where(images.c.id == image_id)
    if not everyone:
        open_to_all = images.c.visibility.in_(("public", "community"))
        statement = statement.where(or_(images.c.owner == project_id, open_to_all))
    row = connection.execute(statement).first()
    if row is None or row.status == "deleted":
        raise BadRequest("Can not find requested image")
    if row.status != "active" or row.boot_volume is None:
        raise BadRequest(f"Image {image_id} is not active.")
    return row


def check_fits(image: Any, flavor: Any) -> None:
    """
    Raises BadRequest when the flavor's memory or disk is too small for the image.
    """
    if image.min_ram > flavor.ram_mib:
        raise BadRequest("Flavor's memory is too small for requested image.")
    if flavor.disk_gib == 0:
        return
    disk = flavor.disk_gib * GIB
    if (image.virtual_size or 0) > disk:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {disk} bytes, "
            f"image is {image.virtual_size} bytes."
        )
    if image.min_disk * GIB > disk:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor "
            f"disk is {disk} bytes, minimum size is {image.min_disk * GIB} bytes."
        )


def boot_disk_gib(image: Any, flavor: Any) -> int:
    """
    The boot disk's size in GiB: the flavor's, or the image's when the flavor leaves it open.
    """
    if flavor.disk_gib:
        return int(flavor.disk_gib)
    return max(-(-int(image.virtual_size or 0) // GIB), int(image.min_disk), 1)
