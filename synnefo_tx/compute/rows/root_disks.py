"""
The volume that a server boots from, when it is the server's own: made with it, of its image.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows.servers import AnyRow, hold
from synnefo_tx.quota.registered import DISK, GIB
from synnefo_tx.volume.rows.tables import volumes


def root_disk(connection: Connection, server: AnyRow) -> AnyRow | None:
    """
    None for a server that boots from a volume that somebody keeps.
    """
    if server.image_id is None:
        return None
    return connection.execute(
        select(volumes).where(volumes.c.server_id == server.id, volumes.c.index == 0)
    ).first()


def grow_row(
    connection: Connection, server: AnyRow, disk: AnyRow, size_gib: int, now_us: int
) -> None:
    """
    The disk counts as `size_gib` from now on.  Raises OverQuota.
    """
    more = (size_gib - disk.size_gib) * GIB
    hold(connection, server, {DISK: server.reserved.get(DISK, 0) + more})
    connection.execute(
        update(volumes).where(volumes.c.id == disk.id).values(size_gib=size_gib, updated_at=now_us)
    )
