"""
Volumes in servers as Nova shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.microversions import Version

Json = dict[str, Any]


def attachment(row: Any, version: Version) -> Json:
    """
    One of os-volume_attachments.
    """
    view: Json = {"volumeId": row.volume_id, "serverId": row.server_id, "device": row.mountpoint}
    if version < (2, 89):
        view["id"] = row.volume_id
    if version >= (2, 70):
        view["tag"] = row.tag
    if version >= (2, 79):
        view["delete_on_termination"] = row.delete_on_termination
    if version >= (2, 89):
        view |= {"attachment_id": row.id, "bdm_uuid": row.id}
    return view


def attached(row: Any, version: Version) -> Json:
    """
    One of a server's os-extended-volumes:volumes_attached.
    """
    view: Json = {"id": row.volume_id}
    if version >= (2, 3):
        view["delete_on_termination"] = row.delete_on_termination
    return view
