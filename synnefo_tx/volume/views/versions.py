"""
What the volume API says of itself.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.microversions import Version, text

Json = dict[str, Any]


def versions(base: str, minimum: Version, maximum: Version) -> Json:
    """
    The list of versions, which has but one.
    """
    described = {
        "rel": "describedby",
        "type": "text/html",
        "href": "https://docs.openstack.org/",
    }
    media = "application/vnd.openstack.volume+json;version=3"
    version = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": text(maximum),
        "min_version": text(minimum),
        "updated": "2023-08-31T00:00:00Z",
        "links": [described, {"rel": "self", "href": f"{base}/v3/"}],
        "media-types": [{"base": "application/json", "type": media}],
    }
    return {"versions": [version]}
