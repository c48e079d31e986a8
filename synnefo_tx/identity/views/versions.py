"""
The version documents.
"""

from __future__ import annotations

from typing import Any


def version_view(base: str) -> dict[str, Any]:
    """
    What is said of v3.  base: the URL of /v3, without a trailing slash.
    """
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base}/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
        ],
    }
