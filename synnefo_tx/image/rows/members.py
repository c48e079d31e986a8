"""
Projects that an image is shared with.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from synnefo_tx.errors import Conflict, Forbidden, NotFound
from synnefo_tx.image.errors import ImageNotFound, TooMany
from synnefo_tx.image.model import Image, Member, Viewer
from synnefo_tx.image.rows.images import get, may_change
from synnefo_tx.image.rows.tables import image_members

MAX_MEMBERS = 128


def listed(connection: Connection, image_id: str, viewer: Viewer) -> list[Member]:
    """
    All members for the owner; for a member, itself.
    """
    image = _shared(connection, image_id, viewer)
    if image.visibility != "shared":
        raise Forbidden(
            f"Not allowed to list members for image {image_id}: Only shared images have members."
        )
    wanted = select(image_members).where(image_members.c.image_id == image_id)
    if not may_change(image, viewer):
        wanted = wanted.where(image_members.c.member == viewer.project_id)
    rows = connection.execute(wanted.order_by(image_members.c.created_at, image_members.c.member))
    return [_member(row) for row in rows]


def shown(connection: Connection, image_id: str, member: str, viewer: Viewer) -> Member:
    """
    One membership.  Raises NotFound.
    """
    image = _shared(connection, image_id, viewer)
    if image.visibility != "shared":
        raise NotFound("Only shared images have members.")
    return _lookup(connection, image, member, viewer)


def add(connection: Connection, image_id: str, member: str, viewer: Viewer, now_us: int) -> Member:
    """
    Share the image; the member has to accept.  Raises Forbidden, Conflict, TooMany.
    """
    image = _shared(connection, image_id, viewer)
    if image.visibility != "shared" or not may_change(image, viewer):
        raise Forbidden(f"Not allowed to create members for image {image_id}.")
    known = [found.member for found in listed(connection, image_id, viewer)]
    if member in known:
        raise Conflict(f"Member {member} is duplicated for image {image_id}")
    if len(known) >= MAX_MEMBERS:
        raise TooMany("members", len(known) + 1, MAX_MEMBERS)
    new = Member(image_id, member, "pending", now_us, now_us)
    connection.execute(
        insert(image_members).values(
            image_id=image_id, member=member, status="pending", created_at=now_us, updated_at=now_us
        )
    )
    return new


def answer(
    connection: Connection, image_id: str, member: str, status: str, viewer: Viewer, now_us: int
) -> Member:
    """
    Accept or reject, which is the member's to do and not the owner's.  Raises Forbidden, NotFound.
    """
    image = _shared(connection, image_id, viewer)
    owns = image.owner == viewer.project_id and not viewer.is_admin
    if image.visibility != "shared" or owns:
        raise Forbidden(f"Not allowed to update members for image {image_id}.")
    found = _lookup(connection, image, member, viewer)
    connection.execute(
        update(image_members)
        .where(image_members.c.image_id == image_id, image_members.c.member == member)
        .values(status=status, updated_at=now_us)
    )
    return Member(image_id, member, status, found.created_at, now_us)


def remove(connection: Connection, image_id: str, member: str, viewer: Viewer) -> None:
    """
    Share no more.  Raises Forbidden, NotFound.
    """
    image = _shared(connection, image_id, viewer)
    if image.visibility != "shared" or not may_change(image, viewer):
        raise Forbidden(f"Not allowed to delete members for image {image_id}.")
    _lookup(connection, image, member, viewer)
    connection.execute(
        delete(image_members).where(
            image_members.c.image_id == image_id, image_members.c.member == member
        )
    )


def _shared(connection: Connection, image_id: str, viewer: Viewer) -> Image:
    try:
        return get(connection, image_id, viewer, lock=True)
    except ImageNotFound as error:
        raise ImageNotFound(image_id, "Image {} not found.") from error


def _lookup(connection: Connection, image: Image, member: str, viewer: Viewer) -> Member:
    row = None
    if may_change(image, viewer) or member == viewer.project_id:
        row = connection.execute(
            select(image_members).where(
                image_members.c.image_id == image.id, image_members.c.member == member
            )
        ).first()
    if row is None:
        raise NotFound(f"{member} not found in the member list of the image {image.id}.")
    return _member(row)


def _member(row: Row[Any]) -> Member:
    return Member(row.image_id, row.member, row.status, row.created_at, row.updated_at)
