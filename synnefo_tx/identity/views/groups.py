"""
Groups as JSON.  base: the URL of /v3, without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def group_view(group: Mapping[str, Any], base: str) -> dict[str, Any]:
    return {**group, "links": {"self": f"{base}/groups/{group['id']}"}}
