"""
An event as clients read it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from synnefo_tx.events.place import Place


def behind(row: Any) -> Place:
    """
    The place of who has read it.
    """
    return Place(row.tx, row.serial, row.at // 1_000_000)


def name_of(row: Any) -> str:
    """
    Such as "server.created".
    """
    return f"{row.kind}.{row.event}"


def body_of(row: Any) -> bytes:
    """
    What it tells, as JSON.
    """
    told = {
        "kind": row.kind,
        "id": row.thing_id,
        "event": row.event,
        "project_id": row.project_id,
        "at": row.at,
        **row.body,
    }
    return msgspec.json.encode(told)
