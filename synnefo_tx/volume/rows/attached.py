"""
Attachments of volumes: finding them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

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
