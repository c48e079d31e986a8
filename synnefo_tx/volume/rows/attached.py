"""
Attachments of volumes: finding them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, true

from synnefo_tx.volume.rows.tables import attachments


def of_volumes(connection: Connection, volume_ids: Sequence[str]) -> dict[str, list[Any]]:
    """
    By volume, oldest first.
    """
    return _grouped(connection, "volume_id", volume_ids)


def of_servers(connection: Connection, server_ids: Sequence[str]) -> dict[str, list[Any]]:
    """
    Those that compute has plugged or is plugging, by server, oldest first.
    """
    found = _grouped(connection, "server_id", server_ids)
    return {server_id: [row for row in rows if row.is_plugged] for server_id, rows in found.items()}


def of_server(connection: Connection, server_id: str, volume_id: str) -> Any:
    """
    The attachment of one volume to one server.
    """
    return connection.execute(
        select(attachments).where(
            attachments.c.server_id == server_id,
            attachments.c.volume_id == volume_id,
            attachments.c.is_plugged == true(),
        )
    ).first()


def of_id(connection: Connection, attachment_id: str) -> Any:
    """
    None when it is gone.
    """
    wanted = select(attachments).where(attachments.c.id == attachment_id)
    return connection.execute(wanted).first()


def plugged(connection: Connection, server_id: str) -> list[Any]:
    """
    What compute has plugged into a server or is plugging, oldest first.
    """
    return list(
        connection.execute(
            select(attachments)
            .where(attachments.c.server_id == server_id, attachments.c.is_plugged == true())
            .order_by(attachments.c.created_at, attachments.c.id)
        )
    )


def _grouped(connection: Connection, name: str, ids: Sequence[str]) -> dict[str, list[Any]]:
    if not ids:
        return {}
    grouped: dict[str, list[Any]] = {}
    found = connection.execute(
        select(attachments)
        .where(attachments.c[name].in_(ids))
        .order_by(attachments.c.created_at, attachments.c.id)
    )
    for row in found:
        grouped.setdefault(getattr(row, name), []).append(row)
    return grouped
