"""
The images that servers can be made of, as compute needs them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.errors import BadRequest
from synnefo_tx.image.errors import ImageNotFound
from synnefo_tx.image.model import BootableImage
from synnefo_tx.image.rows.images import bootable
from synnefo_tx.image.rows.tables import images

GIB = 1024**3


def find_bootable(connection: Connection, image_id: str, project_id: str) -> BootableImage:
    """
    An image that the project may use and that can be booted.  Raises BadRequest in Nova's words.
    """
    try:
        return bootable(connection, image_id, project_id)
    except ImageNotFound as error:
        raise BadRequest("Can not find requested image") from error


def image_property(connection: Connection, server: Any, name: str) -> str | None:
    """
    A property of the image that the server was made of, though the image may be gone.
    """
    wanted = select(images.c.properties).where(images.c.id == server.image_id)
    properties = connection.execute(wanted).scalar() or {}
    value = properties.get(name)
    return None if value is None else str(value)


def check_fits(image: BootableImage, ram_mib: int, disk_gib: int) -> None:
    """
    Raises BadRequest when a flavor's memory or disk is too small for the image.
    """
    if image.min_ram > ram_mib:
        raise BadRequest("Flavor's memory is too small for requested image.")
    if disk_gib == 0:
        return
    disk = disk_gib * GIB
    if image.virtual_size > disk:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {disk} bytes, "
            f"image is {image.virtual_size} bytes."
        )
    if image.min_disk * GIB > disk:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor "
            f"disk is {disk} bytes, minimum size is {image.min_disk * GIB} bytes."
        )


def boot_disk_gib(image: BootableImage, disk_gib: int) -> int:
    """
    The boot disk's size in GiB: the flavor's, or the image's when the flavor leaves it open.
    """
    if disk_gib:
        return disk_gib
    return max(-(-image.virtual_size // GIB), image.min_disk, 1)
