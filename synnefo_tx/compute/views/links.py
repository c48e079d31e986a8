"""
Links of Nova's views.  Pure.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def href(base: str, collection: str, resource_id: str) -> str:
    """
    The versioned URL.  base: the service's root.
    """
    return f"{base}/v2.1/{collection}/{resource_id}"


def bookmark(base: str, collection: str, resource_id: str) -> Json:
    """
    The link that outlives versions.
    """
    return {"rel": "bookmark", "href": f"{base}/{collection}/{resource_id}"}


def both(base: str, collection: str, resource_id: str) -> list[Json]:
    """
    "self" and "bookmark".
    """
    own = {"rel": "self", "href": href(base, collection, resource_id)}
    return [own, bookmark(base, collection, resource_id)]
