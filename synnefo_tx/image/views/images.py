"""
An image and a page of images as Glance shows them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from synnefo_tx.image.model import Image

STORE = "archipelago"


def shown_time(time_us: int) -> str:
    """
    "2026-11-23T01:29:53Z".
    """
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(image: Image) -> dict[str, Any]:
    """
    The image's JSON, keys in Glance's order.
    """
    view: dict[str, Any] = dict(image.properties)
    for name in (
        *("name", "disk_format", "container_format", "visibility", "size", "virtual_size"),
        *("status", "checksum", "protected", "min_ram", "min_disk", "owner", "os_hidden"),
        *("os_hash_algo", "os_hash_value", "id"),
    ):
        view[name] = getattr(image, name)
    view["created_at"] = shown_time(image.created_at)
    view["updated_at"] = shown_time(image.updated_at)
    view["tags"] = list(image.tags)
    view["self"] = f"/v2/images/{image.id}"
    view["file"] = f"/v2/images/{image.id}/file"
    view["schema"] = "/v2/schemas/image"
    if image.file_volume is not None:
        view["stores"] = STORE
    return view


def shown_page(
    found: Sequence[Image], limit: int, pairs: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """
    A page and the way to the next; `pairs` are those of the query that it answers.
    """
    kept = [(name, value) for name, value in pairs if name != "marker"]
    view: dict[str, Any] = {
        "images": [shown(image) for image in found],
        "first": _link(kept),
        "schema": "/v2/schemas/images",
    }
    if found and len(found) == limit:
        view["next"] = _link([*kept, ("marker", found[-1].id)])
    return view


def _link(pairs: Sequence[tuple[str, str]]) -> str:
    return f"/v2/images?{urlencode(pairs)}" if pairs else "/v2/images"
