"""
What images use of quota: the bytes of their files, charged to the projects that own them.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from synnefo_tx.image.model import Image
from synnefo_tx.image.rows.tables import images
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Key, Payer, project_key
from synnefo_tx.quota.registered import DISKSPACE
from synnefo_tx.quota.rows import holdings
from synnefo_tx.quota.rows.verify import Census

WITH_FILES = ("active", "deactivated")
LONGEST_ID = 64  # of a project; an administrator may name any text as an owner


def check_room(connection: Connection, owner: str | None, size: int | None) -> None:
    """
    Refuses early what could not be charged now; `charge` decides.  Raises Exceeded.
    """
    if owner and size and _may_pay(owner):
        holding = holdings.held(connection, owner, [DISKSPACE])[DISKSPACE]
        if not holding.has_room(size):
            raise Exceeded(DISKSPACE, size, holding)


def charge(
    connection: Connection, owner: str | None, size: int | None, *, force: bool = False
) -> None:
    """
    A file is kept for the owner.  Images of nobody are charged to nobody.  force: whatever the
    limits.  Raises Exceeded.
    """
    if owner and size and _may_pay(owner):
        holdings.take(connection, Payer("", owner), {DISKSPACE: size}, force=force)


def give_back(connection: Connection, image: Image) -> None:
    """
    The image's file, if it has one, is kept no more.
    """
    owner, size = image.owner, image.size
    if image.status in WITH_FILES and owner and size and _may_pay(owner):
        holdings.give_back(connection, Payer("", owner), {DISKSPACE: size})


def move(connection: Connection, image: Image, owner: str | None) -> None:
    """
    The image is another's from now on.  Raises Exceeded.
    """
    if image.owner != owner and image.status in WITH_FILES:
        give_back(connection, image)
        charge(connection, owner, image.size)


def _may_pay(owner: str) -> bool:
    return len(owner) <= LONGEST_ID


def count(connection: Connection) -> Counter[Key]:
    """
    Bytes by owner.
    """
    c = images.c
    wanted = (
        select(c.owner, func.sum(c.size).label("size"))
        .where(c.status.in_(WITH_FILES), c.size > 0, func.length(c.owner).between(1, LONGEST_ID))
        .group_by(c.owner)
    )
    return Counter(
        {project_key(row.owner, DISKSPACE): int(row.size) for row in connection.execute(wanted)}
    )


CENSUS = Census(frozenset({DISKSPACE}), count)
