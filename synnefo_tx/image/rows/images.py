"""
Images in the database.  Every function is (part of) a unit of work.

Who may see an image is part of each query: its owner's project, members that it is shared with,
everybody for public and community ones, administrators always.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, true
from sqlalchemy import update as update_rows
from sqlalchemy.exc import IntegrityError

from synnefo_tx.image.errors import (
    ImageExists,
    ImageNotActive,
    ImageNotBootable,
    ImageNotFound,
    NotPermitted,
    ProtectedImage,
)
from synnefo_tx.image.model import BootableImage, Image, Viewer
from synnefo_tx.image.rows import charges
from synnefo_tx.image.rows.tables import image_members, image_tags, images, loose_volumes

_NAMES = uuid.UUID("c3b0d3f3-6d5a-4d3f-9c0a-5f6f2f0a9b61")  # of `add_named`, for ever
COLUMNS = list(images.c)
_STORED = [column.name for column in COLUMNS]


def visible_to(viewer: Viewer, member_status: str = "all") -> ColumnElement[bool]:
    """
    The condition on `images` that `viewer` may see a row.

    member_status: of memberships that count ("pending", "accepted", "rejected" or "all").
    """
    if viewer.is_admin:
        return true()
    shared_with = select(image_members.c.image_id).where(
        image_members.c.member == viewer.project_id
    )
    if member_status != "all":
        shared_with = shared_with.where(image_members.c.status == member_status)
    return or_(
        images.c.owner == viewer.project_id,
        images.c.visibility.in_(("public", "community")),
        and_(images.c.visibility == "shared", images.c.id.in_(shared_with)),
    )


def may_change(image: Image, viewer: Viewer) -> bool:
    """
    Whether `viewer` owns the image, or all of them.
    """
    return viewer.is_admin or image.owner == viewer.project_id


def get(connection: Connection, image_id: str, viewer: Viewer, lock: bool = False) -> Image:
    """
    The image.  Raises ImageNotFound, also for those that `viewer` may not see.

    lock: keep the row until the transaction ends.
    """
    wanted = select(*COLUMNS).where(
        images.c.id == image_id, images.c.status != "deleted", visible_to(viewer)
    )
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise ImageNotFound(image_id)
    return loaded(connection, [row])[0]


def get_to_change(connection: Connection, image_id: str, viewer: Viewer, action: str) -> Image:
    """
    The image, locked.  Raises ImageNotFound, and NotPermitted for one that is only shown.
    """
    image = get(connection, image_id, viewer, lock=True)
    if not may_change(image, viewer):
        raise NotPermitted(action)
    return image


def loaded(connection: Connection, rows: Sequence[Row[Any]]) -> list[Image]:
    """
    Rows of `images` as values, with their tags.
    """
    tags: dict[str, list[str]] = {row.id: [] for row in rows}
    found = connection.execute(
        select(image_tags).where(image_tags.c.image_id.in_(tags)).order_by(image_tags.c.value)
    )
    for tag in found:
        tags[tag.image_id].append(tag.value)
    return [
        Image(**{name: getattr(row, name) for name in _STORED}, tags=tuple(tags[row.id]))
        for row in rows
    ]


def add(connection: Connection, image: Image) -> None:
    """
    Store a new image.  Raises ImageExists; ids of deleted images stay taken.
    """
    known = connection.execute(select(images.c.id).where(images.c.id == image.id)).first()
    if known is not None:
        raise ImageExists(image.id)
    try:
        connection.execute(insert(images).values(_values(image)))
    except IntegrityError as error:  # somebody was quicker
        raise ImageExists(image.id) from error
    _set_tags(connection, image.id, image.tags)


def save(connection: Connection, image: Image) -> None:
    """
    Store all of `image`, which was read with a lock in this transaction.
    """
    connection.execute(update_rows(images).where(images.c.id == image.id).values(_values(image)))
    _set_tags(connection, image.id, image.tags)


def remove(connection: Connection, image_id: str, viewer: Viewer, now_us: int) -> list[str]:
    """
    Delete the image: at once for users, and with its volumes noted as garbage, whose names are
    given back.  Raises ImageNotFound, NotPermitted and ProtectedImage.

    Volumes of an upload under way stay with that upload, which finds its image gone.
    """
    try:
        image = get_to_change(connection, image_id, viewer, "delete_image")
    except ImageNotFound as error:
        raise ImageNotFound(image_id, "Failed to find image {} to delete") from error
    if image.protected:
        raise ProtectedImage(image_id)
    charges.give_back(connection, image)
    connection.execute(
        update_rows(images)
        .where(images.c.id == image_id)
        .values(
            status="deleted", file_volume=None, boot_volume=None, upload_id=None, updated_at=now_us
        )
    )
    connection.execute(delete(image_members).where(image_members.c.image_id == image_id))
    connection.execute(delete(image_tags).where(image_tags.c.image_id == image_id))
    volumes = sorted({name for name in (image.file_volume, image.boot_volume) if name})
    for volume in volumes:
        connection.execute(
            insert(loose_volumes).values(
                volume=volume, image_id=image_id, upload_id=None, noted_at=now_us
            )
        )
    return volumes


def bootable(connection: Connection, image_id: str, project_id: str) -> BootableImage:
    """
    What a server of the project boots from.

    Raises ImageNotFound, ImageNotActive (queued, saving, deactivated) and ImageNotBootable.
    """
    image = get(connection, image_id, Viewer(project_id))
    if image.status != "active":
        raise ImageNotActive(image_id)
    if image.boot_volume is None or image.virtual_size is None or image.size is None:
        raise ImageNotBootable(image_id, image.disk_format)
    return BootableImage(
        id=image.id,
        name=image.name,
        boot_volume=image.boot_volume,
        virtual_size=image.virtual_size,
        size=image.size,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        status=image.status,
    )


def named(connection: Connection, name: str, owner: str) -> Image | None:
    """
    The oldest image called `name` of the project `owner`.
    """
    row = connection.execute(
        select(*COLUMNS)
        .where(images.c.owner == owner, images.c.name == name, images.c.status != "deleted")
        .order_by(images.c.created_at, images.c.id)
        .limit(1)
    ).first()
    return loaded(connection, [row])[0] if row is not None else None


def add_named(connection: Connection, image: Image) -> Image:
    """
    The image of that name and owner, stored unless there is one: under its id, or without one under
    one made of both.

    Raises ImageExists when another transaction stores it at the same time, or the id is taken.
    """
    found = named(connection, image.name or "", image.owner or "")
    if found is not None:
        return found
    new = image if image.id else evolve(image, id=_own_id(connection, image))
    add(connection, new)
    return new


def _own_id(connection: Connection, image: Image) -> str:
    for generation in itertools.count():  # ids of deleted images stay taken
        image_id = str(uuid.uuid5(_NAMES, f"{image.owner}/{image.name}/{generation}"))
        taken = connection.execute(select(images.c.id).where(images.c.id == image_id)).first()
        if taken is None:
            break
    return image_id


def _values(image: Image) -> dict[str, Any]:
    values = {name: getattr(image, name) for name in _STORED}
    return {**values, "properties": dict(image.properties)}


def _set_tags(connection: Connection, image_id: str, tags: Iterable[str]) -> None:
    connection.execute(delete(image_tags).where(image_tags.c.image_id == image_id))
    rows = [{"image_id": image_id, "value": value} for value in sorted(set(tags))]
    if rows:
        connection.execute(insert(image_tags), rows)
