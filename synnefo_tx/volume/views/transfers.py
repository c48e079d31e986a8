"""
Transfers as Cinder shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.microversions import Version
from synnefo_tx.volume.views.times import moment
from synnefo_tx.volume.views.volumes import Json, Look, link


def summary(row: Any, look: Look, collection: str) -> Json:
    """
    As in a list that is not in detail, and as answered to whoever accepts it.
    """
    return {
        "id": row.id,
        "volume_id": row.volume_id,
        "name": row.name,
        "links": link(look, collection, row.id),
    }


def full(row: Any, look: Look, collection: str) -> Json:
    """
    One, and as in a list in detail.
    """
    view = {**summary(row, look, collection), "created_at": moment(row.created_at)}
    return view | _since(row, look.version)


def created(row: Any, look: Look, collection: str, key: str) -> Json:
    """
    To whoever makes it.
    """
    return {**full(row, look, collection), "auth_key": key}


def _since(row: Any, version: Version) -> Json:
    view: Json = {}
    if version >= (3, 55):
        view["no_snapshots"] = row.no_snapshots
    if version >= (3, 57):
        view |= {
            "source_project_id": row.project_id,
            "destination_project_id": None,
            "accepted": False,
        }
    return view
