"""
Limits as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

View = dict[str, Any]
Thing = Mapping[str, Any]


def registered_limit_view(registered: Thing, base: str) -> View:
    """
    A limit of no region is told without one.
    """
    return {
        **registered,
        "region_id": registered["region_id"] or None,
        "links": {"self": f"{base}/registered_limits/{registered['id']}"},
    }


def limit_view(limit: Thing, base: str) -> View:
    return {**limit, "links": {"self": f"{base}/limits/{limit['id']}"}}
