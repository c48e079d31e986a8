"""
Images as Nova shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.views.links import both
from synnefo_tx.compute.views.times import second
from synnefo_tx.image.model import Image

Json = dict[str, Any]

_STATUSES = {"active": "ACTIVE", "queued": "SAVING", "saving": "SAVING", "deleted": "DELETED"}
_PROGRESS = {"active": 100, "queued": 0, "saving": 50}
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


def basic(image: Image, base: str) -> Json:
    """
    In a plain list.
    """
    root = base.removesuffix("/compute")
    elsewhere = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": f"{root}/image/images/{image.id}",
    }
    links = [*both(base, "images", image.id), elsewhere]
    return {"id": image.id, "name": image.name, "links": links}


def full(image: Image, base: str) -> Json:
    """
    On its own, or in a detailed list.
    """
    view = {
        **basic(image, base),
        "minRam": image.min_ram,
        "minDisk": image.min_disk,
        "metadata": dict(image.properties),
        "created": second(image.created_at),
        "updated": second(image.updated_at),
        "status": _STATUSES.get(image.status, "UNKNOWN"),
        "progress": _PROGRESS.get(image.status, 0),
        "OS-EXT-IMG-SIZE:size": image.size,
    }
    server_id = image.properties.get("instance_uuid")
    if server_id is not None:
        view["server"] = {"id": server_id, "links": both(base, "servers", server_id)}
    configured = image.properties.get("auto_disk_config")
    if configured is not None:
        view["OS-DCF:diskConfig"] = "AUTO" if configured.lower() in _TRUE else "MANUAL"
    return view
